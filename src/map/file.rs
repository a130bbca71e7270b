//! From the text of a map to the map: every table, and what they say of each other.

use std::collections::{BTreeMap, HashSet};

use toml::de::DeTable;

use super::assign::COLUMNS;
use super::fields::{Entry, Placed, Reader, listing};
use super::{Channel, Condition, JourneyMap, Kpi, Name, Plan, Stage, Step, Touchpoint, located};
use crate::error::{Result, did_you_mean};

/// The longest file, in bytes.
const LONGEST: usize = 1 << 20;

const KINDS: [&str; 4] = ["own", "paid", "earned", "support"];
const DIRECTIONS: [&str; 3] = ["up", "down", "none"];
const REVIEWS: [&str; 5] = ["day", "week", "month", "quarter", "year"];
/// What is counted unless the file says so.
const COUNT: &str = "customers";

/// The map of a text, or everything that is wrong with it.
pub(super) fn read(text: &str, file: &str) -> Result<JourneyMap> {
    if text.len() > LONGEST {
        let message = format!("the map has {} bytes; at most {LONGEST} are allowed", text.len());
        return Err(located(text, file, vec![(0, message)]));
    }
    let (document, faults) = DeTable::parse_recoverable(text);
    if !faults.is_empty() {
        // Half a document would only lead to further messages, about what the reader has not understood.
        let problem = |fault: &toml::de::Error| {
            (fault.span().map_or(0, |span| span.start), format!("this is not TOML: {}", fault.message()))
        };
        return Err(located(text, file, faults.iter().map(problem).collect()));
    }
    let mut reader = Reader::new(text);
    let root = Entry::new("the map".to_owned(), 0, document.get_ref());
    let map = whole(&mut reader, &root, text, file);
    if reader.problems.is_empty() { Ok(map) } else { Err(located(text, file, reader.problems)) }
}

/// The ids of a kind of table.
struct Ids {
    kind: &'static str,
    /// In the order of the file.
    known: Vec<String>,
    set: HashSet<String>,
}

impl Ids {
    /// Takes the ids of tables, each of which may stand once.
    fn take<'t>(reader: &mut Reader<'t>, kind: &'static str, entries: &[Entry<'_, 't>]) -> (Self, Vec<String>) {
        let mut set: HashSet<String> = HashSet::new();
        let mut ids = Vec::with_capacity(entries.len());
        for entry in entries {
            let id = reader.id(entry).map_or_else(String::new, |id| id.value);
            if !id.is_empty() && !set.insert(id.clone()) {
                reader.refuse(entry, "id", &format!("there is a {kind} \"{id}\" already, above; ids are different"));
            }
            ids.push(id);
        }
        let known = ids.iter().filter(|id| !id.is_empty()).cloned().collect();
        (Self { kind, known, set }, ids)
    }

    fn check(&self, reader: &mut Reader<'_>, what: &str, given: &Placed<String>) {
        let name = &given.value;
        if !self.set.contains(name) && !reader.is_full() {
            let names = || self.known.iter().map(String::as_str);
            let near = did_you_mean(name, names());
            let kind = self.kind;
            reader.note(
                given.at,
                format!("{what}: the {kind} \"{name}\" is unknown{near} ({kind}s: {})", listing(names())),
            );
        }
    }
}

fn whole<'t>(reader: &mut Reader<'t>, root: &Entry<'_, 't>, text: &str, file: &str) -> JourneyMap {
    let keys = ["version", "name", "currency", "plan", "inputs", "stage", "channel", "touchpoint", "kpi", "designed"];
    reader.know(root, &keys);
    let version = reader.number(root, "version");
    let version = reader.need(root, "version", version, "; begin the file with version = 1");
    if version.is_some_and(|version| (version - 1.0).abs() > 0.0) {
        reader.refuse(root, "version", "expected 1, the only version there is");
    }
    let entries = ["stage", "channel", "touchpoint", "kpi", "designed"].map(|key| reader.entries(root, key));
    let [stages, channels, touchpoints, kpis, steps] = entries;
    let (stage_ids, of_stages) = Ids::take(reader, "stage", &stages);
    let (channel_ids, of_channels) = Ids::take(reader, "channel", &channels);
    let (touchpoint_ids, of_touchpoints) = Ids::take(reader, "touchpoint", &touchpoints);
    let (_, of_kpis) = Ids::take(reader, "kpi", &kpis);
    if stages.is_empty() && !root.has("stage") {
        reader
            .note(0, "the map has no stage; begin with a template: safar.JourneyMap.template(\"purchase\")".to_owned());
    }
    let currency = reader.text(root, "currency");
    let name = reader.name(root);
    let plan = plan(reader, root);
    let inputs = inputs(reader, root);
    let stage = stages.iter().zip(of_stages).map(|(entry, id)| stage(reader, entry, id)).collect();
    let channel = channels.iter().zip(of_channels).map(|(entry, id)| channel(reader, entry, id)).collect();
    let touchpoint: Vec<Touchpoint> = touchpoints
        .iter()
        .zip(of_touchpoints)
        .map(|(entry, id)| {
            let touchpoint = touchpoint(reader, entry, id, &stage_ids, &channel_ids);
            if touchpoint.cost.is_some() && !root.has("currency") {
                reader.refuse(
                    entry,
                    "cost",
                    "a cost needs the currency of the map; write currency = \"IRT\" at the top",
                );
            }
            touchpoint
        })
        .collect();
    let kpi = kpis
        .iter()
        .zip(of_kpis)
        .map(|(entry, id)| kpi(reader, entry, id, &stage_ids, (&touchpoint_ids, &touchpoint)))
        .collect();
    let designed: Vec<Step> = steps
        .iter()
        .enumerate()
        .map(|(place, entry)| step(reader, entry, place == 0, 0, (&stage_ids, &touchpoint_ids)))
        .collect();
    if let Some(first) = steps.first()
        && designed.iter().all(Step::may_be_left_out)
    {
        reader.note(first.at, "the designed journey has optional steps only; at least one must be expected".to_owned());
    }
    let (file, text) = (file.to_owned(), text.to_owned());
    JourneyMap { name, currency, plan, inputs, stage, channel, touchpoint, kpi, designed, file, text }
}

fn plan<'t>(reader: &mut Reader<'t>, root: &Entry<'_, 't>) -> Plan {
    let Some(value) = root.get("plan") else { return Plan::default() };
    let Some(table) = value.get_ref().as_table() else {
        reader.note(value.span().start, "plan: expected one table that begins with [plan]".to_owned());
        return Plan::default();
    };
    let entry = Entry::new("the plan".to_owned(), value.span().start, table);
    reader.know(&entry, &["goal", "from", "until", "audience", "data", "owner", "limits"]);
    let (from, until) = reader.range(&entry);
    Plan {
        goal: reader.text(&entry, "goal"),
        from,
        until,
        audience: reader.text(&entry, "audience"),
        data: reader.text(&entry, "data"),
        owner: reader.text(&entry, "owner"),
        limits: reader.text(&entry, "limits"),
    }
}

/// What the inputs of KPIs of the catalogue are in the data.
fn inputs<'t>(reader: &mut Reader<'t>, root: &Entry<'_, 't>) -> BTreeMap<String, Condition> {
    let Some(value) = root.get("inputs") else { return BTreeMap::new() };
    let Some(table) = value.get_ref().as_table() else {
        reader.note(value.span().start, "inputs: expected one table that begins with [inputs]".to_owned());
        return BTreeMap::new();
    };
    let entry = Entry::new("inputs".to_owned(), value.span().start, table);
    entry.keys().into_iter().filter_map(|name| Some((name.clone(), reader.condition(&entry, &name)?))).collect()
}

/// The name of an entry, which is its id by default.
fn named<'t>(reader: &mut Reader<'t>, entry: &Entry<'_, 't>, id: &str) -> Name {
    reader.name(entry).unwrap_or_else(|| super::LANGUAGES.iter().map(|language| (*language, id.to_owned())).collect())
}

fn stage<'t>(reader: &mut Reader<'t>, entry: &Entry<'_, 't>, id: String) -> Stage {
    reader.know(entry, &["id", "name", "goal", "owner"]);
    let name = named(reader, entry, &id);
    Stage { name, goal: reader.text(entry, "goal"), owner: reader.text(entry, "owner"), id }
}

fn channel<'t>(reader: &mut Reader<'t>, entry: &Entry<'_, 't>, id: String) -> Channel {
    reader.know(entry, &["id", "name"]);
    Channel { name: named(reader, entry, &id), id }
}

fn touchpoint<'t>(
    reader: &mut Reader<'t>,
    entry: &Entry<'_, 't>,
    id: String,
    stages: &Ids,
    channels: &Ids,
) -> Touchpoint {
    let keys = ["id", "name", "stage", "event", "channel", "where", "from", "until", "kind", "cost", "owner"];
    reader.know(entry, &keys);
    let stage = reader.reference(entry, "stage");
    let stage = reader.need(entry, "stage", stage, "");
    if let Some(stage) = &stage {
        stages.check(reader, &entry.what, stage);
    }
    let channel = reader.names(entry, "channel");
    if !channels.known.is_empty() {
        // Who lists the channels wants to know of a misspelt one.
        for name in &channel {
            channels.check(reader, &entry.what, name);
        }
    }
    if !["event", "channel", "where"].iter().any(|key| entry.has(key)) {
        let message = format!("{}: nothing says which events it is; give it event, channel or where", entry.what);
        reader.note(entry.at, message);
    }
    let cost = reader.number(entry, "cost");
    if cost.is_some_and(|cost| cost < 0.0) {
        reader.refuse(entry, "cost", "expected a number of at least 0");
    }
    let (from, until) = reader.range(entry);
    let condition = reader.condition(entry, "where");
    for (name, span) in condition.iter().flat_map(|condition| condition.expression.columns()) {
        if COLUMNS.contains(&name) {
            let message =
                format!("{}: where: \"{name}\" is a column that the map gives, so it can't be looked at", entry.what);
            let at = condition.as_ref().map_or(entry.at, |condition| condition.place(span.start));
            reader.note(at, message);
        }
    }
    Touchpoint {
        name: named(reader, entry, &id),
        stage: stage.map_or_else(String::new, |stage| stage.value),
        event: values(reader.names(entry, "event")),
        channel_at: entry.place("channel"),
        channel: values(channel),
        condition,
        from,
        until,
        kind: reader.choice(entry, "kind", &KINDS),
        cost,
        owner: reader.text(entry, "owner"),
        id,
    }
}

fn values(names: Vec<Placed<String>>) -> Vec<String> {
    names.into_iter().map(|name| name.value).collect()
}

fn kpi<'t>(
    reader: &mut Reader<'t>,
    entry: &Entry<'_, 't>,
    id: String,
    stages: &Ids,
    (ids, touchpoints): (&Ids, &[Touchpoint]),
) -> Kpi {
    let keys = [
        "id",
        "name",
        "stage",
        "touchpoint",
        "definition",
        "catalogue",
        "numerator",
        "denominator",
        "count",
        "sum",
        "unit",
        "direction",
        "target",
        "owner",
        "review",
    ];
    reader.know(entry, &keys);
    let stage = reader.reference(entry, "stage");
    if let Some(stage) = &stage {
        stages.check(reader, &entry.what, stage);
    }
    let touchpoint = reader.reference(entry, "touchpoint");
    if let Some(given) = &touchpoint {
        ids.check(reader, &entry.what, given);
        let found = touchpoints.iter().find(|touchpoint| touchpoint.id == given.value);
        if let (Some(stage), Some(found)) = (&stage, found)
            && found.stage != stage.value
        {
            let message = format!("the touchpoint \"{}\" is of the stage \"{}\"", found.id, found.stage);
            reader.refuse(entry, "stage", &message);
        }
    }
    let definition = reader.text(entry, "definition");
    let definition = reader.need(entry, "definition", definition, ": a sentence that says what is measured");
    if entry.has("catalogue") && (entry.has("numerator") || entry.has("denominator")) {
        reader.refuse(entry, "catalogue", "a KPI of the catalogue has a numerator and a denominator of its own");
    }
    for (key, what) in [("denominator", "a denominator"), ("count", "what is counted"), ("sum", "what is added up")] {
        if entry.has(key) && !entry.has("numerator") {
            reader.refuse(entry, key, &format!("{what} needs a numerator"));
        }
    }
    let target = reader.number(entry, "target");
    let unit = reader.text(entry, "unit");
    let direction = reader.choice(entry, "direction", &DIRECTIONS);
    if entry.has("target") {
        if !entry.has("unit") {
            reader.refuse(entry, "target", "a target needs a unit, such as unit = \"%\" or unit = \"minutes\"");
        }
        if !matches!(direction, Some("up" | "down")) && (direction.is_some() || !entry.has("direction")) {
            reader.refuse(
                entry,
                "target",
                "a target needs the direction that is better: direction = \"up\" or \"down\"",
            );
        }
    }
    Kpi {
        name: named(reader, entry, &id),
        stage: stage.map(|stage| stage.value),
        touchpoint: touchpoint.map(|touchpoint| touchpoint.value),
        definition: definition.unwrap_or_default(),
        catalogue: reader.reference(entry, "catalogue").map(|name| name.value),
        numerator: reader.condition(entry, "numerator"),
        denominator: reader.condition(entry, "denominator"),
        count: count(reader, entry),
        count_at: entry.place("count"),
        sum: reader.condition(entry, "sum"),
        unit,
        direction,
        target,
        owner: reader.text(entry, "owner"),
        review: reader.choice(entry, "review", &REVIEWS),
        id,
    }
}

/// Customers, events, or the values of a column within a customer.
fn count<'t>(reader: &mut Reader<'t>, entry: &Entry<'_, 't>) -> Option<String> {
    let given = reader.reference(entry, "count").map(|count| count.value);
    given.or_else(|| entry.has("numerator").then(|| COUNT.to_owned()))
}

/// What a block of the designed journey is called, and how many parts it needs.
const BLOCKS: [(&str, usize); 4] = [("sequence", 1), ("parallel", 2), ("choice", 2), ("loop", 1)];

/// Blocks inside blocks, at most so deep.
const DEEPEST: usize = 8;

/// A step or a block of steps; `is_first` where nothing comes before it.
fn step<'t>(
    reader: &mut Reader<'t>,
    entry: &Entry<'_, 't>,
    is_first: bool,
    depth: usize,
    (stages, touchpoints): (&Ids, &Ids),
) -> Step {
    let keys = ["touchpoint", "stage", "optional", "within", "sequence", "parallel", "choice", "loop", "again"];
    reader.know(entry, &keys);
    let (touchpoint, stage) = (reader.reference(entry, "touchpoint"), reader.reference(entry, "stage"));
    if let Some(touchpoint) = &touchpoint {
        touchpoints.check(reader, &entry.what, touchpoint);
    }
    if let Some(stage) = &stage {
        stages.check(reader, &entry.what, stage);
    }
    let kinds = keys.iter().filter(|key| !["optional", "within", "again"].contains(key) && entry.has(key)).count();
    let is_block = BLOCKS.iter().any(|(key, _)| entry.has(key));
    if kinds != 1 {
        let message = "expected either a touchpoint or a stage, or one block: sequence, parallel, choice or loop";
        reader.note(entry.at, format!("{}: {message}", entry.what));
    }
    if entry.has("again") && !entry.has("loop") {
        reader.refuse(entry, "again", "it is what comes between two times of a loop, and this is none");
    }
    if entry.has("within") && is_block {
        reader.refuse(entry, "within", "a block has no time limit; give one to its steps");
    } else if entry.has("within") && is_first {
        reader.refuse(entry, "within", "it is the time from the step before, and this is the first one");
    }
    let mut parts = |key: &str, least: usize, is_first: &dyn Fn(usize) -> bool| -> Vec<Step> {
        if !entry.has(key) {
            return Vec::new();
        }
        if depth == DEEPEST {
            reader.refuse(entry, key, &format!("blocks stand more than {DEEPEST} deep"));
            return Vec::new();
        }
        let inner = reader.blocks(entry, key, least);
        let steps = inner.iter().enumerate();
        steps.map(|(place, part)| step(reader, part, is_first(place), depth + 1, (stages, touchpoints))).collect()
    };
    let [sequence, parallel, choice, repeated] = BLOCKS.map(|(key, least)| {
        let side_by_side = key == "parallel" || key == "choice";
        // What is done again comes after what was done before.
        parts(key, least, &|place| is_first && key != "loop" && (place == 0 || side_by_side))
    });
    let again = parts("again", 1, &|_| false);
    Step {
        touchpoint: touchpoint.map(|touchpoint| touchpoint.value),
        stage: stage.map(|stage| stage.value),
        optional: reader.flag(entry, "optional").unwrap_or(false),
        within: reader.length(entry, "within"),
        sequence,
        parallel,
        choice,
        repeated,
        again,
    }
}
