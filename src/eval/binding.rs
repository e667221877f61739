//! What numbers are bound to: this program, the eval's definition, the machine and its tools.

use super::Lab;
use crate::model::measurement::Binding;

/// Changes whenever a score's formula does: numbers of two versions do not compare.
const FORMULAS: &str = "formulas/1";

pub(super) fn binding(lab: &Lab) -> Binding {
    Binding {
        harness: harness(),
        eval_hash: eval_hash(lab),
        environment: environment(lab),
        seed: lab.seed,
    }
}

/// The version, and the source revision where the build was told one.
fn harness() -> String {
    let version = env!("CARGO_PKG_VERSION");
    match option_env!("FACTORY_REVISION") {
        Some(revision) => format!("{version}+{revision}"),
        None => version.to_owned(),
    }
}

fn eval_hash(lab: &Lab) -> String {
    let mut profile = lab.profile.clone();
    if let Some(research) = &profile.research {
        // Which of the surfaces is open changes from experiment to experiment, and no number.
        profile.scope.mutable.clone_from(&research.mutable);
    }
    let profile =
        serde_json::to_string(&profile).expect("a profile holds only text and finite numbers");
    hash([FORMULAS.to_owned(), profile])
}

fn environment(lab: &Lab) -> String {
    let machine = [
        std::env::consts::OS.to_owned(),
        std::env::consts::ARCH.to_owned(),
        cpu_model(),
    ];
    let tools = lab.detection.tools.iter().map(|tool| {
        format!(
            "{}={}@{}",
            tool.name,
            tool.command
                .as_ref()
                .map(|it| it.join(" "))
                .unwrap_or_default(),
            tool.version.as_deref().unwrap_or_default()
        )
    });
    hash(machine.into_iter().chain(tools))
}

/// The processor as Linux names it; empty elsewhere, where the architecture has to do.
fn cpu_model() -> String {
    fs_err::read_to_string("/proc/cpuinfo")
        .unwrap_or_default()
        .lines()
        .find_map(|it| it.strip_prefix("model name"))
        .map(|it| it.trim_start_matches([':', ' ', '\t']).to_owned())
        .unwrap_or_default()
}

/// Returns a name for the contents of some texts.
pub(super) fn hash(texts: impl IntoIterator<Item = String>) -> String {
    let mut hasher = blake3::Hasher::new();
    for text in texts {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    }
    hasher.finalize().to_hex()[..32].to_owned()
}

#[cfg(test)]
mod tests {
    use crate::eval::testing::Fixture;

    #[test]
    fn the_same_lab_is_bound_to_the_same_things() {
        let fixture = Fixture::new();
        assert_eq!(fixture.lab().binding(), fixture.lab().binding());
    }

    #[test]
    fn another_threshold_is_another_eval_and_another_tool_another_environment() {
        let fixture = Fixture::new();
        let lab = fixture.lab();
        let mut stricter = fixture.lab();
        stricter.profile.eval.threshold = 0.9;
        assert_ne!(lab.binding().eval_hash, stricter.binding().eval_hash);
        assert_eq!(lab.binding().environment, stricter.binding().environment);
        let mut newer = fixture.lab();
        newer.detection.tools[0].version = Some("2".into());
        assert_ne!(lab.binding().environment, newer.binding().environment);
        assert_eq!(lab.binding().eval_hash, newer.binding().eval_hash);
    }
}
