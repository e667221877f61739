//! Node watches itself: a module that it loads before the program, and V8's own sampler.

use std::collections::HashMap;

use serde_json::Value;

use super::Hotspot;

/// The module's file.
pub(super) const FILE: &str = "watch.cjs";

/// The module.
pub(super) const SCRIPT: &str = r"const fs = require('fs');
const inspector = require('inspector');
const session = new inspector.Session();
session.connect();
session.post('Profiler.enable');
session.post('Profiler.setSamplingInterval', { interval: 200 });
session.post('Profiler.start');
process.on('exit', () => {
  session.post('Profiler.stop', (error, result) => {
    if (error) return;
    const path = `${process.env.FACTORY_PROFILE}/${process.pid}.json`;
    fs.writeFileSync(path, JSON.stringify(result.profile));
  });
});
";

/// Reads a profile; what V8 itself does is the time of the nearest function that is in a file.
pub(super) fn read(text: &str) -> Vec<Hotspot> {
    let profile: Value = serde_json::from_str(text).unwrap_or_default();
    let nodes = profile["nodes"].as_array().map_or(&[][..], Vec::as_slice);
    let by_id: HashMap<u64, &Value> = nodes
        .iter()
        .filter_map(|it| Some((it["id"].as_u64()?, it)))
        .collect();
    let mut parents: HashMap<u64, u64> = HashMap::new();
    for (id, node) in &by_id {
        let children = node["children"].as_array().into_iter().flatten();
        parents.extend(children.filter_map(Value::as_u64).map(|it| (it, *id)));
    }
    let path = |id: u64| {
        by_id[&id]["callFrame"]["url"]
            .as_str()?
            .strip_prefix("file://")
    };
    let mut found = Vec::new();
    for (id, node) in &by_id {
        let hits = node["hitCount"].as_f64().unwrap_or(0.0);
        let mut owner = Some(*id);
        while let Some(at) = owner.filter(|it| path(*it).is_none()) {
            owner = parents.get(&at).copied();
        }
        let Some(owner) = owner.filter(|_| hits > 0.0) else {
            continue;
        };
        let frame = &by_id[&owner]["callFrame"];
        let line = frame["lineNumber"].as_u64().unwrap_or(0) + 1;
        found.push(Hotspot {
            path: path(owner).map(Into::into),
            line: u32::try_from(line).unwrap_or(0),
            name: frame["functionName"].as_str().unwrap_or("").to_owned(),
            own: hits,
        });
    }
    found
}
