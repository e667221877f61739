//! Requirements of a module that nothing in it mentions.

use super::sources;
use crate::model::finding::Finding;
use crate::toolchain::Job;
use crate::toolchain::detect::read_small;

/// Returns the direct requirements that occur nowhere else in the module: not in an import of any
/// machine's build, not in a `go:generate` line, not in a script.
pub(super) fn unused(job: &Job<'_>) -> Vec<Finding> {
    let manifest = job.project.root.join("go.mod");
    let text = read_small(&job.tree.join(&manifest)).unwrap_or_default();
    let mut wanted = direct(&text);
    if wanted.is_empty() {
        return Vec::new();
    }
    let tools: Vec<&str> = text.lines().filter(|it| !it.contains(" v")).collect();
    wanted.retain(|it| !tools.iter().any(|line| line.contains(it.1)));
    for file in sources::files(job) {
        if matches!(file.file_name(), Some("go.mod" | "go.sum" | "go.work.sum")) {
            continue;
        }
        let text = std::fs::read_to_string(job.tree.join(&file)).unwrap_or_default();
        wanted.retain(|it| !text.contains(it.1));
    }
    let finding = |(line, module): (u32, &str)| Finding {
        path: manifest.clone(),
        line,
        column: 1,
        tool: "go".into(),
        rule: "unused-dependency".into(),
        message: format!("nothing in the module mentions `{module}`"),
        fixable: false,
    };
    wanted.into_iter().map(finding).collect()
}

/// Returns the modules that the manifest itself asks for, with their lines.
fn direct(text: &str) -> Vec<(u32, &str)> {
    let mut in_block = false;
    let mut found = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let is_indirect = line.contains("// indirect");
        let line = line.split("//").next().unwrap_or_default().trim();
        let entry = if in_block {
            in_block = line != ")";
            Some(line)
        } else {
            let rest = line.strip_prefix("require").map(str::trim);
            in_block = rest == Some("(");
            rest
        };
        let mut words = entry.unwrap_or_default().split_whitespace();
        if let (Some(module), Some(version)) = (words.next(), words.next())
            && version.starts_with('v')
            && !is_indirect
        {
            found.push((number, module.trim_matches('"')));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn direct_requirements_are_read_from_both_forms() {
        let text = "module m\n\nrequire example.com/a v1.0.0\nrequire (\n\
                    \texample.com/b v1.2.3\n\texample.com/c v0.1.0 // indirect\n)\n\
                    exclude example.com/d v1.0.0\n";
        assert_eq!(direct(text), [(3, "example.com/a"), (5, "example.com/b")]);
    }
}
