//! The file that a setting of the shipped catalogue makes, for whoever judges a change by it.

use camino::Utf8Path;

use super::catalogue;
use super::setting::{self, At};
use super::surface::Surface;
use crate::config::Profile;
use crate::gate::Grant;
use crate::model::hypothesis::{Change, Hypothesis};
use crate::toolchain;

/// Returns what a hypothesis of the catalogue makes of its file, from the file's text before; none for
/// anything that is not in the catalogue, and none where a person keeps the file as it is.
pub fn granted(
    hypothesis: &Hypothesis,
    profile: &Profile,
    read: &dyn Fn(&Utf8Path) -> Option<String>,
) -> Option<Grant> {
    let Change::Knob { file, key, value } = &hypothesis.change else {
        return None;
    };
    let surface = Surface::of_profile(profile, &toolchain::adapters_of(profile));
    if !catalogue::is_shipped(file, key, value) || !surface.may_set(file) {
        return None;
    }
    let text = setting::make(file, &read(file)?, At::Key(key), value).ok()?;
    Some(Grant {
        path: file.clone(),
        text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mechanic::draft;
    use crate::mechanic::fixtures::reader;

    fn of(file: &str, key: &str, value: &str, fixed: &[&str]) -> Option<Grant> {
        let hypothesis = draft::knob(&draft::Knob {
            file: file.into(),
            key,
            value,
            current: None,
            title: None,
            default: None,
            why: "why",
            metric: Some("t"),
            expected_gain: 0.1,
        })?;
        let mut profile = Profile::default();
        profile.scope.fixed = fixed.iter().map(|it| (*it).to_owned()).collect();
        let read = reader(&[
            (
                "tsconfig.json",
                "{\n  \"compilerOptions\": { \"target\": \"es5\" }\n}\n",
            ),
            (".mocharc.json", "{\n  \"spec\": \"test\"\n}\n"),
        ]);
        granted(&hypothesis, &profile, &read)
    }

    #[test]
    fn a_setting_of_the_catalogue_is_made_again_to_the_byte() {
        let grant = of("tsconfig.json", "compilerOptions.target", "\"es2020\"", &[]).unwrap();
        assert_eq!(grant.path, "tsconfig.json");
        assert!(
            grant.text.contains("{ \"target\": \"es2020\" }"),
            "{}",
            grant.text
        );
        let grant = of(".mocharc.json", "parallel", "true", &[]).unwrap();
        assert_eq!(
            grant.text,
            "{\n  \"spec\": \"test\",\n  \"parallel\": true\n}\n"
        );
    }

    #[test]
    fn nothing_else_is_granted() {
        for (file, key, value) in [
            ("tsconfig.json", "compilerOptions.strict", "false"),
            ("tsconfig.json", "compilerOptions.target", "\"es3\""),
            ("other.json", "compilerOptions.target", "\"es2020\""),
            (".mocharc.json", "bail", "true"),
        ] {
            assert_eq!(of(file, key, value, &[]), None, "{file} {key}={value}");
        }
        let target = ("compilerOptions.target", "\"es2020\"");
        assert_eq!(
            of("tsconfig.json", target.0, target.1, &["tsconfig.json"]),
            None
        );
    }
}
