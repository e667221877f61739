//! The few variables that children inherit, read once.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::sync::OnceLock;

use camino::{Utf8Path, Utf8PathBuf};

use super::reap::RUN_TOKEN;

/// Variables that every child gets. None of them is known to carry a secret.
const INHERITED: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "LANG",
    "LANGUAGE",
    "TZ",
    "TMPDIR",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "CARGO_HOME",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
    "RUSTUP_AUTO_INSTALL",
    "RUSTFLAGS",
    "RUSTDOCFLAGS",
    "CC",
    "CXX",
    "LD_LIBRARY_PATH",
    "LIBRARY_PATH",
    "CPATH",
    "PKG_CONFIG_PATH",
    "GOPATH",
    "GOMODCACHE",
    "GOENV",
    "GOROOT",
    "CGO_ENABLED",
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
    "PYENV_ROOT",
    "PYENV_VERSION",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "CURL_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
];

/// Variables that steps with network access get on top: proxies may hold credentials.
const NETWORK: &[&str] = &[
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "all_proxy",
    "CARGO_HTTP_PROXY",
    "CARGO_HTTP_CAINFO",
    "CARGO_NET_GIT_FETCH_WITH_CLI",
    "CARGO_NET_RETRY",
    "GOPROXY",
    "GOSUMDB",
    "GOPRIVATE",
    "GONOPROXY",
    "GONOSUMDB",
    "GOINSECURE",
    "PIP_CERT",
    "PIP_CONFIG_FILE",
    "PIP_EXTRA_INDEX_URL",
    "PIP_FIND_LINKS",
    "PIP_INDEX_URL",
    "PIP_TRUSTED_HOST",
    "UV_DEFAULT_INDEX",
    "UV_INDEX",
    "UV_INDEX_URL",
    "NODE_EXTRA_CA_CERTS",
    "NPM_CONFIG_CAFILE",
    "NPM_CONFIG_REGISTRY",
    "npm_config_cafile",
    "npm_config_registry",
    "YARN_HTTPS_CA_FILE_PATH",
    "YARN_NPM_REGISTRY_SERVER",
];

struct Environment {
    inherited: BTreeMap<String, OsString>,
    network: Vec<(String, String)>,
    run_token: Option<String>,
}

fn environment() -> &'static Environment {
    static ENVIRONMENT: OnceLock<Environment> = OnceLock::new();
    ENVIRONMENT.get_or_init(|| Environment {
        inherited: std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .filter(|(name, _)| INHERITED.contains(&name.as_str()) || name.starts_with("LC_"))
            .collect(),
        network: NETWORK
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?)))
            .collect(),
        run_token: std::env::var(RUN_TOKEN).ok(),
    })
}

/// Returns the token of the run that this very process is part of.
pub(super) fn enclosing_token() -> Option<&'static str> {
    environment().run_token.as_deref()
}

/// Returns the variables that every child starts from.
pub(super) fn inherited() -> &'static BTreeMap<String, OsString> {
    &environment().inherited
}

/// Returns the variables that a step with declared network access needs on top.
pub fn network_variables() -> &'static [(String, String)] {
    &environment().network
}

/// Returns a variable that children inherit; any other is `None`.
pub fn variable(name: &str) -> Option<&'static str> {
    inherited().get(name)?.to_str()
}

/// Returns where a program is, looked up on the PATH that children get; runs nothing.
pub fn find_program(name: &str) -> Option<Utf8PathBuf> {
    let found = which::which_in(name, inherited().get("PATH"), Utf8Path::new("/")).ok()?;
    Utf8PathBuf::from_path_buf(found).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_off_the_list_are_not_inherited() {
        assert_eq!(variable("CARGO_MANIFEST_DIR"), None);
        assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
    }

    #[test]
    fn programs_are_found_without_running_them() {
        assert!(find_program("sh").is_some_and(|it| it.is_absolute()));
        assert_eq!(find_program("no-such-program-at-all"), None);
    }
}
