//! Which paths an experiment of the mechanic may touch.

use camino::Utf8Path;
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::config::Profile;
use crate::eval::{Lab, TestPaths};
use crate::model::profile::LanguageName;
use crate::toolchain::Adapter;

/// The borders: paths that judge the code, paths that nobody writes by hand, and the profile's scope.
#[derive(Clone, Debug)]
pub(crate) struct Surface {
    protected: GlobSet,
    excluded: GlobSet,
    mutable: GlobSet,
    /// What a person, and not only a language, keeps as it is.
    kept: GlobSet,
    /// Tests, and nothing else, where tests are what is tidied.
    tests: Option<TestPaths>,
}

impl Surface {
    /// Returns the borders of a lab, whose protected paths are the authority.
    pub(crate) fn of_lab(lab: &Lab) -> Self {
        Self {
            protected: lab.protected(),
            ..Self::of_profile(&lab.profile, &lab.adapters)
        }
    }

    /// Returns the borders of test maintenance.
    pub(crate) fn of_tests(lab: &Lab) -> Self {
        Self {
            tests: Some(lab.test_paths()),
            ..Self::of_lab(lab)
        }
    }

    /// Returns the borders as far as a profile and the languages tell them.
    pub(crate) fn of_profile(profile: &Profile, adapters: &[Box<dyn Adapter>]) -> Self {
        let protected = adapters
            .iter()
            .flat_map(|it| it.protected().iter().copied())
            .chain(profile.scope.fixed.iter().map(String::as_str));
        let excluded = adapters.iter().flat_map(|it| it.excluded().iter().copied());
        let declared = adapters
            .iter()
            .filter(|it| matches!(it.name(), LanguageName::Declared(_)))
            .flat_map(|it| it.protected().iter().copied());
        let by_person = profile.scope.fixed.iter().map(String::as_str);
        let mutable = profile.scope.mutable.iter().map(String::as_str);
        Self {
            kept: globs(by_person.chain(declared)),
            ..Self::new(protected, excluded, mutable)
        }
    }

    /// Returns the borders that these globs draw.
    pub(crate) fn new<'a>(
        protected: impl IntoIterator<Item = &'a str>,
        excluded: impl IntoIterator<Item = &'a str>,
        mutable: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        Self {
            protected: globs(protected),
            excluded: globs(excluded),
            mutable: globs(mutable),
            kept: GlobSet::empty(),
            tests: None,
        }
    }

    /// Returns whether an experiment may touch the file at that path, relative to the root.
    pub(crate) fn may_touch(&self, path: &Utf8Path) -> bool {
        if let Some(tests) = &self.tests {
            return tests.is_match(path);
        }
        self.mutable.is_match(path)
            && !self.protected.is_match(path)
            && !self.excluded.is_match(path)
    }

    /// Returns whether a setting of the shipped catalogue may be tried in the file at that path: it may
    /// stand where a language protects the rest, and nowhere where a person does.
    pub(crate) fn may_set(&self, path: &Utf8Path) -> bool {
        self.tests.is_none()
            && self.mutable.is_match(path)
            && !self.kept.is_match(path)
            && !self.excluded.is_match(path)
    }
}

/// Builds a set; a glob that does not parse matches nothing here, as the profile's reader refuses it.
fn globs<'a>(patterns: impl IntoIterator<Item = &'a str>) -> GlobSet {
    let mut builder = GlobSetBuilder::new();
    for pattern in patterns {
        if let Ok(glob) = GlobBuilder::new(pattern).literal_separator(true).build() {
            builder.add(glob);
        }
    }
    builder.build().unwrap_or_else(|_| GlobSet::empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn borders_hold_on_every_side() {
        let surface = Surface::new(["tests/**"], ["**/vendor/**"], ["src/**", "tests/**"]);
        assert!(surface.may_touch("src/a.py".into()));
        assert!(!surface.may_touch("tests/a.py".into()));
        assert!(!surface.may_touch("src/vendor/a.py".into()));
        assert!(!surface.may_touch("setup.py".into()));
        let top = Surface::new([], [], ["src/*"]);
        assert!(top.may_touch("src/a.py".into()));
        assert!(!top.may_touch("src/b/a.py".into()));
    }
}
