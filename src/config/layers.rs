//! Layers in order, each value with the layer that it came from.

use std::fmt;

use camino::{Utf8Path, Utf8PathBuf};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use super::{Error, Metric, Profile, ProfileSource, parse, validate};

/// Environment variables that set a key, with that key.
pub const ENVIRONMENT: [(&str, &str); 5] = [
    ("FACTORY_REPORT_SECONDS", "report.seconds"),
    ("FACTORY_REPORT_MUTANTS", "report.mutants"),
    ("FACTORY_TIMEOUT_SECONDS", "eval.timeout_seconds"),
    ("FACTORY_BRANCH", "landing.branch"),
    ("FACTORY_PYTHON", "commands.python"),
];

/// Where a value came from; a later layer wins over an earlier one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "layer", content = "place")]
pub enum Origin {
    /// The defaults compiled in.
    BuiltIn,
    /// The user's `config.toml`.
    User(#[schemars(with = "String")] Utf8PathBuf),
    /// The target's profile.
    Project(#[schemars(with = "String")] Utf8PathBuf),
    /// An environment variable.
    Environment(String),
    /// `--config KEY=VALUE` or a flag.
    CommandLine(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuiltIn => f.write_str("built-in"),
            Self::User(path) => write!(f, "user ({path})"),
            Self::Project(path) => write!(f, "project ({path})"),
            Self::Environment(name) => write!(f, "environment ({name})"),
            Self::CommandLine(text) => write!(f, "command line ({text})"),
        }
    }
}

/// What the layers are read from.
#[derive(Clone, Copy, Debug, Default)]
pub struct Inputs<'a> {
    /// `$FACTORY_HOME`; `None` leaves the user's layer out.
    pub home: Option<&'a Utf8Path>,
    /// The target's root; `None` leaves the project's layer out.
    pub root: Option<&'a Utf8Path>,
    /// A profile that is not written yet, with the file it is for; read in place of the target's.
    pub unwritten: Option<(&'a Utf8Path, &'a str)>,
    /// The environment's variables, of which only [`ENVIRONMENT`] is looked at.
    pub environment: &'a [(String, String)],
    /// `KEY=VALUE` texts of the command line.
    pub command_line: &'a [String],
}

/// One value with its origin, as `factory config list` shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Setting {
    /// Dotted key.
    pub key: String,
    /// The value, as TOML.
    pub value: String,
    /// The layer that it came from.
    pub origin: Origin,
}

/// Everything configured, resolved once.
#[derive(Clone, Debug)]
pub struct Options {
    /// The merged profile.
    pub profile: Profile,
    /// Where the target's own profile is.
    pub source: ProfileSource,
    /// Every value with its origin, by key.
    pub settings: Vec<Setting>,
}

/// One source of values.
struct Layer {
    origin: Origin,
    table: Table,
    /// The file's text, to point into it.
    text: Option<String>,
}

/// Reads all layers and merges them.
///
/// # Errors
/// The first place that is wrong, in whichever layer it is.
pub fn resolve(inputs: &Inputs<'_>) -> Result<Options, Error> {
    let source = inputs.root.map_or(ProfileSource::Proposed, super::find);
    let mut layers = vec![built_in()];
    if let Some(home) = inputs.home {
        let path = home.join("config.toml");
        layers.extend(file_layer(Origin::User(path.clone()), &path)?);
    }
    match (inputs.unwritten, source.path()) {
        (Some((path, text)), _) => {
            let origin = Origin::Project(path.to_owned());
            layers.push(text_layer(origin, path, text.to_owned())?);
        }
        (None, Some(path)) => layers.extend(file_layer(Origin::Project(path.to_owned()), path)?),
        (None, None) => {}
    }
    for (variable, key) in ENVIRONMENT {
        let given = inputs.environment.iter().find(|(name, _)| name == variable);
        if let Some((_, value)) = given {
            layers.push(single(
                Origin::Environment(variable.to_owned()),
                key,
                value,
            )?);
        }
    }
    for text in inputs.command_line {
        layers.push(command_line_layer(text)?);
    }
    let profile = merged_profile(&layers)?;
    Ok(Options {
        profile,
        source,
        settings: settings(&layers),
    })
}

fn built_in() -> Layer {
    let table = Table::try_from(Profile::default()).expect("the defaults are plain TOML");
    Layer {
        origin: Origin::BuiltIn,
        table,
        text: None,
    }
}

fn file_layer(origin: Origin, path: &Utf8Path) -> Result<Option<Layer>, Error> {
    let text = match fs_err::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            return Err(Error::Unreadable {
                path: path.to_owned(),
                source,
            });
        }
    };
    text_layer(origin, path, text).map(Some)
}

fn text_layer(origin: Origin, path: &Utf8Path, text: String) -> Result<Layer, Error> {
    parse::shape(path, &text)?;
    let table = parse::table(path, &text)?;
    Ok(Layer {
        origin,
        table,
        text: Some(text),
    })
}

fn command_line_layer(text: &str) -> Result<Layer, Error> {
    let origin = Origin::CommandLine(text.to_owned());
    match text.split_once('=') {
        Some((key, value)) => single(origin, key.trim(), value.trim()),
        None => Err(Error::Setting {
            origin,
            message: "use KEY=VALUE, as in `decision.alpha=0.05`".to_owned(),
        }),
    }
}

/// Returns a layer of one value: TOML if it parses as such, else a string.
fn single(origin: Origin, key: &str, value: &str) -> Result<Layer, Error> {
    let is_toml = toml::from_str::<Table>(&format!("x = {value}")).is_ok();
    let literal = if is_toml {
        value.to_owned()
    } else {
        Value::String(value.to_owned()).to_string()
    };
    let text = format!("{key} = {literal}\n");
    let problem = |message: String| Error::Setting {
        origin: origin.clone(),
        message,
    };
    let path = Utf8Path::new("-");
    let checked = if key.starts_with("research.") {
        // One key of it alone lacks those that are needed; its type is looked at once all are together.
        parse::names(path, &text)
    } else {
        parse::shape(path, &text).map(drop)
    };
    checked.map_err(|error| match error {
        Error::Invalid { message, .. } => problem(message),
        other => other,
    })?;
    let table = toml::from_str(&text).map_err(|error| problem(error.message().to_owned()))?;
    Ok(Layer {
        origin,
        table,
        text: None,
    })
}

fn merged_profile(layers: &[Layer]) -> Result<Profile, Error> {
    let mut merged = Table::new();
    for layer in layers {
        merge(&mut merged, &layer.table);
    }
    let mut profile: Profile = merged.try_into().map_err(|error: toml::de::Error| {
        let last = layers
            .last()
            .map_or(Origin::BuiltIn, |it| it.origin.clone());
        Error::Setting {
            origin: last,
            message: error.message().to_owned(),
        }
    })?;
    if profile.eval.suite_time {
        profile.metrics.push(Metric::suite_seconds());
    }
    if let Some(research) = profile.research.clone() {
        research.settle(&mut profile);
    }
    match validate::problems(&profile).into_iter().next() {
        None => Ok(profile),
        Some(problem) => Err(blame(layers, &problem)),
    }
}

/// Returns the error that points at the topmost layer which says anything about the key.
fn blame(layers: &[Layer], problem: &validate::Problem) -> Error {
    let plain = problem
        .key
        .replace(|c: char| "[]0123456789".contains(c), "");
    let layer = layers
        .iter()
        .rev()
        .find(|layer| mentions(&layer.table, &plain))
        .or(layers.last())
        .expect("the built-in layer is always there");
    match (&layer.origin, &layer.text) {
        (Origin::User(path) | Origin::Project(path), Some(text)) => {
            parse::at_key(path, text, problem)
        }
        (origin, _) => Error::Setting {
            origin: origin.clone(),
            message: format!("{}: {}", problem.key, problem.message),
        },
    }
}

fn mentions(table: &Table, key: &str) -> bool {
    let (head, rest) = key.split_once('.').unwrap_or((key, ""));
    match table.get(head) {
        Some(Value::Table(inner)) if !rest.is_empty() => mentions(inner, rest),
        found => found.is_some(),
    }
}

/// Lays `over` onto `base`, table by table; arrays replace each other whole.
fn merge(base: &mut Table, over: &Table) {
    for (key, value) in over {
        match (base.get_mut(key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => merge(below, above),
            _ => {
                base.insert(key.clone(), value.clone());
            }
        }
    }
}

fn settings(layers: &[Layer]) -> Vec<Setting> {
    let mut found = std::collections::BTreeMap::new();
    for layer in layers {
        leaves(&layer.table, "", &mut |key, value| {
            let setting = Setting {
                key: key.clone(),
                value: value.to_string(),
                origin: layer.origin.clone(),
            };
            found.insert(key, setting);
        });
    }
    found.into_values().collect()
}

fn leaves(table: &Table, prefix: &str, visit: &mut dyn FnMut(String, &Value)) {
    for (key, value) in table {
        let dotted = format!("{prefix}{key}");
        match value {
            Value::Table(inner) => leaves(inner, &format!("{dotted}."), visit),
            leaf => visit(dotted, leaf),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home_with(config: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs_err::write(dir.path().join("config.toml"), config).unwrap();
        dir
    }

    fn utf8(dir: &tempfile::TempDir) -> &Utf8Path {
        Utf8Path::from_path(dir.path()).unwrap()
    }

    #[test]
    fn one_key_of_research_can_be_set_for_one_call() {
        let text =
            "[research]\nobjective='x'\nmetric='m'\ndirection='minimize'\nrun='x'\nmutable=['a']\n";
        let with = |setting: &str| {
            resolve(&Inputs {
                unwritten: Some((Utf8Path::new("factory.toml"), text)),
                command_line: &[setting.to_owned()],
                ..Inputs::default()
            })
        };
        let research = with("research.target=5").unwrap().profile.research;
        assert_eq!(research.unwrap().target, Some(5.0));
        let said = |setting: &str| with(setting).unwrap_err().to_string();
        assert!(said("research.traget=5").contains("did you mean `target`?"));
        assert!(said("research.target=soon").starts_with("command line"));
    }

    #[test]
    fn each_layer_wins_over_the_one_below() {
        let home = home_with("[report]\nmutants = 5\nseconds = 10\n[decision]\nalpha = 0.02\n");
        let root = tempfile::tempdir().unwrap();
        fs_err::write(
            root.path().join("factory.toml"),
            "[report]\nseconds = 20\nmutants = 6\n",
        )
        .unwrap();
        let options = resolve(&Inputs {
            home: Some(utf8(&home)),
            root: Some(utf8(&root)),
            environment: &[("FACTORY_REPORT_SECONDS".into(), "30".into())],
            command_line: &["report.seconds=40".into()],
            unwritten: None,
        })
        .unwrap();
        assert_eq!(options.profile.report.seconds, 40);
        assert_eq!(options.profile.report.mutants, 6);
        let origin = |key: &str| {
            let found = options.settings.iter().find(|it| it.key == key);
            found.map(|it| it.origin.clone()).unwrap()
        };
        assert_eq!(
            origin("report.seconds"),
            Origin::CommandLine("report.seconds=40".into())
        );
        assert_eq!(
            origin("report.mutants"),
            Origin::Project(utf8(&root).join("factory.toml"))
        );
        assert_eq!(
            origin("decision.alpha"),
            Origin::User(utf8(&home).join("config.toml"))
        );
        assert_eq!(origin("landing.branch"), Origin::BuiltIn);
    }

    #[test]
    fn a_bad_value_is_blamed_on_its_layer() {
        let home = home_with("[decision]\nalpha = 0.9\n");
        let text = resolve(&Inputs {
            home: Some(utf8(&home)),
            ..Inputs::default()
        })
        .unwrap_err()
        .to_string();
        assert!(
            text.ends_with(
                "config.toml:2:1: decision.alpha: `0.9` is not between 0 and 0.5, both excluded"
            ),
            "{text}"
        );
        let text = resolve(&Inputs {
            command_line: &["decision.alpha=2".into()],
            ..Inputs::default()
        })
        .unwrap_err()
        .to_string();
        assert_eq!(
            text,
            "command line (decision.alpha=2): decision.alpha: `2` is not between 0 and 0.5, both excluded"
        );
    }

    #[test]
    fn a_number_that_no_layer_can_hold_is_refused_with_its_place() {
        let home = home_with("[eval]\ntimeout_seconds = 18446744073709551615\n");
        let text = resolve(&Inputs {
            home: Some(utf8(&home)),
            ..Inputs::default()
        })
        .unwrap_err()
        .to_string();
        assert!(text.contains("config.toml:2:19: u64 value"), "{text}");
    }

    #[test]
    fn text_needs_no_quotes_outside_files() {
        let options = resolve(&Inputs {
            command_line: &["landing.branch=mine/best".into()],
            ..Inputs::default()
        })
        .unwrap();
        assert_eq!(options.profile.landing.branch, "mine/best");
    }

    #[test]
    fn an_unknown_key_on_the_command_line_is_refused() {
        let text = resolve(&Inputs {
            command_line: &["decison.alpha=0.1".into()],
            ..Inputs::default()
        })
        .unwrap_err()
        .to_string();
        assert!(text.contains("did you mean `decision`?"), "{text}");
    }
}
