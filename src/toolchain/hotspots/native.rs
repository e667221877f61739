//! Native programs are sampled from outside, by `perf`.

use camino::Utf8Path;

use super::Hotspot;

/// The sampler.
pub(super) const PROGRAM: &str = "perf";

/// Where its samples go.
pub(super) const FILE: &str = "perf.data";

/// Returns the command line that samples another, children included.
pub(super) fn record(line: &str, dir: &Utf8Path) -> String {
    let line = shell_words::quote(line).into_owned();
    format!("perf record -q -e cpu-clock:u -F 997 -o {dir}/{FILE} -- sh -c {line}")
}

/// Returns the command line that prints the share of each symbol.
pub(super) fn report(dir: &Utf8Path) -> String {
    format!("perf report -q --stdio --no-children -F overhead,symbol -i {dir}/{FILE}")
}

/// Reads lines such as `45.20%  [.] has_duplicate`.
pub(super) fn read(text: &str) -> Vec<Hotspot> {
    let spot = |line: &str| {
        let (share, rest) = line.trim().split_once('%')?;
        let symbol = rest.trim().strip_prefix("[.]")?.trim();
        Some(Hotspot {
            path: None,
            line: 0,
            name: last_name(symbol)?.to_owned(),
            own: share.parse().ok()?,
        })
    };
    text.lines().filter_map(spot).collect()
}

/// Returns the function's own name: `totals` of `shop::totals::h0123456789abcdef`, of `main.(*T).totals`
/// and of `totals.constprop.0`; that of the function around a closure.
fn last_name(symbol: &str) -> Option<&str> {
    let end = [".constprop", ".isra", ".part", ".cold", ".func", ".llvm"]
        .iter()
        .filter_map(|it| symbol.find(it))
        .min();
    let symbol = &symbol[..end.unwrap_or(symbol.len())];
    let is_name = |it: &&str| {
        let is_hash = it.len() == 17
            && it.starts_with('h')
            && it[1..].chars().all(|it| it.is_ascii_hexdigit());
        !it.is_empty()
            && !is_hash
            && !matches!(*it, "closure" | "closure_env")
            && !it.starts_with(|it: char| it.is_ascii_digit())
    };
    symbol
        .split(|it: char| !(it.is_alphanumeric() || it == '_'))
        .rfind(is_name)
}
