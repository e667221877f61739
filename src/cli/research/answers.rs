//! What a person says of the number: by flags, else by questions.

use std::fmt::Write as _;

use clap::{Args, ValueEnum};
use dialoguer::{Input, Select};

use crate::cli::context::Context;
use crate::cli::{CliError, Exit};

/// The answers; the first five are needed.
#[derive(Clone, Debug, Default, PartialEq, Args)]
pub(super) struct Answers {
    /// What is wanted, in a sentence.
    #[arg(long, value_name = "TEXT")]
    objective: Option<String>,
    /// The number's name, as `run` prints it.
    #[arg(long, value_name = "NAME")]
    metric: Option<String>,
    /// Which way is better.
    #[arg(long)]
    direction: Option<Way>,
    /// The command line that prints `METRIC name=value`.
    #[arg(long, value_name = "COMMAND")]
    run: Option<String>,
    /// Globs of the files that may change; several with commas, or the flag again.
    #[arg(long, value_name = "GLOB")]
    mutable: Vec<String>,
    /// Globs of files that may not change and that no agent may read.
    #[arg(long, value_name = "GLOB")]
    fixed: Vec<String>,
    /// How the number is found: `metric`, `json:POINTER`, `regex:PATTERN`, `exit`, `seconds`.
    #[arg(long, value_name = "PARSER")]
    parser: Option<String>,
    /// The unit behind the number.
    #[arg(long, value_name = "UNIT")]
    unit: Option<String>,
    /// Stop once the number is there.
    #[arg(long, value_name = "VALUE", allow_negative_numbers = true)]
    target: Option<f64>,
    /// Longest run of the command, in seconds.
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<u64>,
    /// The file in which `run` writes a JSON line for each instance.
    #[arg(long, value_name = "PATH")]
    instances: Option<String>,
    /// What a run may use up, as in "2h" or "40 experiments".
    #[arg(long, value_name = "AMOUNTS")]
    budget: Option<String>,
    #[command(flatten)]
    opponent: OpponentAnswers,
}

/// The other side, where two improve in turns: all of it or nothing.
#[derive(Clone, Debug, Default, PartialEq, Args)]
#[expect(
    clippy::struct_field_names,
    reason = "the fields are the names of the flags"
)]
struct OpponentAnswers {
    /// What is wanted of another side that improves in turns with this one.
    #[arg(
        long,
        value_name = "TEXT",
        requires = "opponent_metric",
        requires = "opponent_direction",
        requires = "opponent_run",
        requires = "opponent_mutable"
    )]
    opponent_objective: Option<String>,
    /// The other side's number.
    #[arg(long, value_name = "NAME", requires = "opponent_objective")]
    opponent_metric: Option<String>,
    /// Which way is better for it.
    #[arg(long, requires = "opponent_objective")]
    opponent_direction: Option<Way>,
    /// The command line that prints it.
    #[arg(long, value_name = "COMMAND", requires = "opponent_objective")]
    opponent_run: Option<String>,
    /// Globs of the other side's files; several with commas, or the flag again.
    #[arg(long, value_name = "GLOB", requires = "opponent_objective")]
    opponent_mutable: Vec<String>,
}

/// Which way is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Way {
    Minimize,
    Maximize,
}

impl Answers {
    /// Returns the same answers with those that are needed and were not given.
    pub(super) fn complete(&self, ctx: &Context) -> Result<Self, CliError> {
        let missing = self.missing();
        if missing.is_empty() {
            return Ok(self.clone());
        }
        if !ctx.may_ask() {
            let message = format!(
                "{} must be given, since nobody is there to be asked",
                missing.join(", ")
            );
            return Err(CliError::new(Exit::Usage, message).hint(
                "as in: factory research init --objective \"answer faster\" --metric latency --direction minimize --run \"python3 bench.py\" --mutable \"src/**\"",
            ));
        }
        self.ask()
            .map_err(|error| CliError::new(Exit::Interrupted, error))
    }

    fn missing(&self) -> Vec<&'static str> {
        [
            ("`--objective`", self.objective.is_none()),
            ("`--metric`", self.metric.is_none()),
            ("`--direction`", self.direction.is_none()),
            ("`--run`", self.run.is_none()),
            ("`--mutable`", self.mutable.is_empty()),
        ]
        .into_iter()
        .filter_map(|(flag, is_missing)| is_missing.then_some(flag))
        .collect()
    }

    /// Asks for whatever is needed and was not given.
    fn ask(&self) -> Result<Self, dialoguer::Error> {
        let mut all = self.clone();
        if all.objective.is_none() {
            all.objective = Some(text("What do you want, in a sentence", None)?);
        }
        if all.metric.is_none() {
            all.metric = Some(text("The number's name", Some("score"))?);
        }
        if all.direction.is_none() {
            let ways = [Way::Minimize, Way::Maximize];
            let question = Select::new().with_prompt("Which way is better");
            let chosen = question.items(["lower", "higher"]).default(0).interact()?;
            all.direction = Some(ways[chosen]);
        }
        let name = all.metric.as_deref().unwrap_or_default();
        if all.run.is_none() {
            let question = format!("The command that prints `METRIC {name}=…`, run at the root");
            all.run = Some(text(&question, None)?);
        }
        if all.mutable.is_empty() {
            let globs = text(
                "Files that may change for it (globs, with commas)",
                Some("src/**"),
            )?;
            all.mutable = list(&globs);
            let globs: String = Input::new()
                .with_prompt("Files that may not, such as what measures it (may be empty)")
                .allow_empty(true)
                .interact_text()?;
            all.fixed.extend(list(&globs));
        }
        Ok(all)
    }

    /// Returns the command line that gives the answers a person was asked for.
    pub(super) fn command(&self) -> String {
        let way = self.direction.map(|it| it.word().to_owned());
        let other = &self.opponent;
        let other_way = other.opponent_direction.map(|it| it.word().to_owned());
        let many = |globs: &[String]| (!globs.is_empty()).then(|| globs.join(","));
        let flags = [
            ("--objective", self.objective.clone()),
            ("--metric", self.metric.clone()),
            ("--direction", way),
            ("--run", self.run.clone()),
            ("--mutable", many(&self.mutable)),
            ("--fixed", many(&self.fixed)),
            ("--parser", self.parser.clone()),
            ("--unit", self.unit.clone()),
            ("--target", self.target.map(|it| it.to_string())),
            ("--timeout", self.timeout.map(|it| it.to_string())),
            ("--instances", self.instances.clone()),
            ("--budget", self.budget.clone()),
            ("--opponent-objective", other.opponent_objective.clone()),
            ("--opponent-metric", other.opponent_metric.clone()),
            ("--opponent-direction", other_way),
            ("--opponent-run", other.opponent_run.clone()),
            ("--opponent-mutable", many(&other.opponent_mutable)),
        ];
        let given = flags
            .into_iter()
            .filter_map(|(flag, value)| Some([flag.to_owned(), value?]));
        let words = ["factory", "research", "init"].map(str::to_owned);
        shell_words::join(words.into_iter().chain(given.flatten()))
    }

    /// Returns the section as it is written.
    pub(super) fn section(&self) -> String {
        let way = self.direction.unwrap_or(Way::Minimize).word();
        let one = |text: &Option<String>| text.as_deref().map(toml::Value::from);
        let many = |globs: &[String]| {
            let globs = globs.iter().flat_map(|it| list(it));
            let globs: Vec<toml::Value> = globs.map(toml::Value::from).collect();
            (!globs.is_empty()).then_some(toml::Value::Array(globs))
        };
        let seconds = self.timeout.map(|it| i64::try_from(it).unwrap_or(i64::MAX));
        let keys = [
            ("objective", one(&self.objective)),
            ("metric", one(&self.metric)),
            ("direction", Some(way.into())),
            ("unit", one(&self.unit)),
            ("run", one(&self.run)),
            ("parser", one(&self.parser)),
            ("timeout", seconds.map(toml::Value::from)),
            ("target", self.target.map(toml::Value::from)),
            ("mutable", many(&self.mutable)),
            ("fixed", many(&self.fixed)),
            ("instances", one(&self.instances)),
            ("budget", one(&self.budget)),
        ];
        let mut section = String::from(
            "# One number to move: `factory ceo --mode research`. docs/research.md says what else can stand here.\n[research]\n",
        );
        let other = &self.opponent;
        let other_way = other.opponent_direction.map(Way::word);
        let of_other = [
            ("objective", one(&other.opponent_objective)),
            ("metric", one(&other.opponent_metric)),
            ("direction", other_way.map(toml::Value::from)),
            ("run", one(&other.opponent_run)),
            ("mutable", many(&other.opponent_mutable)),
        ];
        write_keys(&mut section, keys);
        if other.opponent_objective.is_some() {
            section.push_str("\n[research.opponent]\n");
            write_keys(&mut section, of_other);
        }
        section
    }
}

impl Way {
    fn word(self) -> &'static str {
        match self {
            Self::Minimize => "minimize",
            Self::Maximize => "maximize",
        }
    }
}

fn write_keys<const N: usize>(section: &mut String, keys: [(&str, Option<toml::Value>); N]) {
    for (key, value) in keys {
        if let Some(value) = value {
            // Writing to a text cannot fail.
            let _infallible = writeln!(section, "{key} = {value}");
        }
    }
}

fn text(question: &str, proposed: Option<&str>) -> Result<String, dialoguer::Error> {
    let input = Input::new().with_prompt(question);
    match proposed {
        Some(proposed) => input.default(proposed.to_owned()).interact_text(),
        None => input.interact_text(),
    }
}

/// Splits globs at commas, but for those between braces, which belong to a glob.
fn list(globs: &str) -> Vec<String> {
    let mut depth = 0_usize;
    let between = |letter: char| {
        match letter {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        letter == ',' && depth == 0
    };
    let globs = globs.split(between).map(str::trim);
    globs
        .filter(|it| !it.is_empty())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use camino::Utf8Path;

    use super::*;
    use crate::model::dimension::Direction;

    fn answers() -> Answers {
        Answers {
            objective: Some("Answer \"faster\"\nthan before".to_owned()),
            metric: Some("latency".to_owned()),
            direction: Some(Way::Minimize),
            run: Some("python3 bench.py".to_owned()),
            mutable: vec!["src/**".to_owned(), " lib.py".to_owned()],
            target: Some(1.5),
            timeout: Some(60),
            ..Answers::default()
        }
    }

    #[test]
    fn the_section_says_what_was_answered() {
        let profile = crate::config::parse(Utf8Path::new("t"), &answers().section()).unwrap();
        let research = profile.research.unwrap();
        assert_eq!(research.objective, "Answer \"faster\"\nthan before");
        assert_eq!(research.direction, Direction::Minimize);
        assert_eq!(research.mutable, ["src/**", "lib.py"]);
        assert_eq!((research.target, research.timeout), (Some(1.5), Some(60)));
        assert_eq!(research.parser, "metric");
    }

    #[test]
    fn another_side_is_a_section_of_its_own() {
        let mut answers = answers();
        answers.opponent = OpponentAnswers {
            opponent_objective: Some("ask harder".to_owned()),
            opponent_metric: Some("hardness".to_owned()),
            opponent_direction: Some(Way::Maximize),
            opponent_run: Some("python3 ask.py".to_owned()),
            opponent_mutable: vec!["ask/**".to_owned()],
        };
        let profile = crate::config::parse(Utf8Path::new("t"), &answers.section()).unwrap();
        let opponent = profile.research.unwrap().opponent.unwrap();
        assert_eq!((opponent.metric.as_str(), opponent.rounds), ("hardness", 2));
        assert_eq!(opponent.direction, Direction::Maximize);
        assert_eq!(opponent.mutable, ["ask/**"]);
        assert!(
            answers
                .command()
                .contains("--opponent-run 'python3 ask.py'")
        );
    }

    #[test]
    fn answers_can_be_given_again_as_flags() {
        let answers = Answers {
            objective: Some("answer faster".to_owned()),
            ..answers()
        };
        assert_eq!(
            answers.command(),
            "factory research init --objective 'answer faster' --metric latency --direction minimize --run 'python3 bench.py' --mutable 'src/**, lib.py' --target 1.5 --timeout 60"
        );
    }

    #[test]
    fn what_is_missing_is_named() {
        let some = Answers {
            run: None,
            mutable: Vec::new(),
            ..answers()
        };
        assert_eq!(some.missing(), ["`--run`", "`--mutable`"]);
        assert_eq!(list(" a, b/** ,,"), ["a", "b/**"]);
        assert_eq!(list("src/{a,b}.py,c"), ["src/{a,b}.py", "c"]);
    }
}
