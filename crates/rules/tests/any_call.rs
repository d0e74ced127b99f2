//! Every rule, asked anything and answered anything: it comes to an outcome, and to one only.

use biplane_rules::{
    Call, Context, Event, FlatGeometry, Kind, Need, Outcome, Parameter, ParameterKind, Place, Rule,
    Trigger,
};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// How often a host asks; by the last time it has to be decided.
const MAX_ROUNDS: usize = 4;

/// Texts that rules look for, among them times, identifiers and GeoJSON.
const WORDS: &[&str] = &[
    "",
    "active",
    "circle",
    "polygon",
    "gate",
    "start",
    "finish",
    "faulty",
    "valid",
    "add",
    "remove",
    "json",
    "csv",
    "gpx",
    "teltonika",
    "FMB920",
    "356307042441013",
    "Europe/Rome",
    "2026-05-01T12:00:00Z",
    "2026-05-02T12:00:00.5+02:00",
    "9999999999",
    "-1",
    "0.5",
    "0b6e2bd6-6c4d-4f6b-9d0e-3d0a6f4c2e11",
    "{\"type\": \"Point\", \"coordinates\": [12, 46]}",
    "Polygon",
    "LineString",
    "ÄÖ\u{0}\u{202e}",
];

/// Names of members that values have, besides the fields of the rule itself.
const NAMES: &[&str] = &["id", "type", "coordinates", "path", "query", "body", "device", "event"];

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (-200i64..200).prop_map(Value::from),
        (1_700_000_000_000i64..1_900_000_000_000).prop_map(Value::from),
        prop::sample::select(WORDS).prop_map(Value::from),
    ]
}

fn json_value(names: Vec<&'static str>) -> impl Strategy<Value = Value> {
    let names = prop::sample::select(names);
    leaf().prop_recursive(4, 48, 6, move |inner| {
        let object = prop::collection::hash_map(names.clone(), inner.clone(), 0..8);
        prop_oneof![
            prop::collection::vec(inner, 0..6).prop_map(Value::from),
            object.prop_map(|fields| {
                fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
            }),
        ]
    })
}

/// The names that a rule looks at, and some others.
fn names(rule: &Rule) -> Vec<&'static str> {
    let own = match rule.trigger {
        Trigger::Filter { fields, .. } => fields.to_vec(),
        _ => rule.parameters().iter().map(|parameter| parameter.name).collect(),
    };
    own.into_iter().chain(NAMES.iter().copied()).collect()
}

/// What a rule is asked: mostly what it declares, with any value.
fn payload(rule: &Rule) -> BoxedStrategy<Value> {
    let anything = json_value(names(rule)).boxed();
    let declared = match rule.trigger {
        Trigger::Filter { fields, .. } => {
            let field = || prop::option::weighted(0.8, leaf().boxed().prop_union(anything.clone()));
            prop::collection::vec(field(), fields.len())
                .prop_map(move |values| {
                    let given = fields.iter().zip(values);
                    given.filter_map(|(name, value)| Some(((*name).to_owned(), value?))).collect()
                })
                .boxed()
        }
        _ => {
            let parameters = rule.parameters();
            let kind = rule.kind();
            parameters
                .iter()
                .map(|parameter| argument(parameter, &anything))
                .collect::<Vec<_>>()
                .prop_map(move |values| arguments(kind, parameters, values))
                .boxed()
        }
    };
    prop_oneof![8 => declared, 1 => anything].boxed()
}

/// What a parameter is given, if anything: mostly of its kind.
fn argument(
    parameter: &Parameter,
    anything: &BoxedStrategy<Value>,
) -> BoxedStrategy<Option<Value>> {
    let words =
        |words: &[&'static str]| prop::sample::select(words.to_vec()).prop_map(Value::from).boxed();
    let uuid = "0b6e2bd6-6c4d-4f6b-9d0e-3d0a6f4c2e11";
    let fits = match parameter.kind {
        ParameterKind::Text { .. } => words(WORDS),
        ParameterKind::Uuid | ParameterKind::Uuids { .. } => words(&[uuid]),
        ParameterKind::Integer { min, max } => (min..=max).prop_map(text).boxed(),
        ParameterKind::Number { min, max, .. } => (min..=max).prop_map(text).boxed(),
        ParameterKind::Time => words(&["2026-05-01T12:00:00Z", "2026-05-01T18:00:00+02:00"]),
        ParameterKind::Boolean => words(&["true", "false"]),
        ParameterKind::Choice { of } => words(of),
        ParameterKind::Json => anything.clone(),
    };
    let given = if parameter.required { 0.98 } else { 0.5 };
    prop::option::weighted(given, prop_oneof![30 => fits, 1 => anything.clone()]).boxed()
}

fn text(number: impl ToString) -> Value {
    Value::String(number.to_string())
}

/// Where a rule of this kind looks for its parameters.
fn arguments(kind: Kind, parameters: &[Parameter], values: Vec<Option<Value>>) -> Value {
    let mut given: [(Place, Map<String, Value>); 4] =
        [Place::Path, Place::Query, Place::Body, Place::Option].map(|place| (place, Map::new()));
    for (parameter, value) in parameters.iter().zip(values) {
        for (place, members) in &mut given {
            if *place == parameter.place
                && let Some(value) = &value
            {
                members.insert(parameter.name.to_owned(), value.clone());
            }
        }
    }
    let [(_, path), (_, query), (_, body), (_, options)] = given;
    match kind {
        Kind::Endpoint if body.is_empty() => json!({ "path": path, "query": query }),
        Kind::Endpoint => json!({ "path": path, "query": query, "body": body }),
        _ => Value::Object(options),
    }
}

fn flat() -> impl Strategy<Value = FlatGeometry> {
    const TYPES: &[&str] = &["Point", "LineString", "Polygon", "MultiPolygon", "Feature", ""];
    let numbers = || prop::collection::vec(0u32..6, 0..4);
    let coordinate = prop_oneof![6 => (-4i32..4).prop_map(f64::from), 1 => any::<f64>()];
    let coordinates = prop::collection::vec(coordinate, 0..40);
    (prop::sample::select(TYPES), numbers(), numbers(), coordinates).prop_map(
        |(type_name, rings, polygons, coordinates)| FlatGeometry {
            type_name: type_name.to_owned(),
            rings,
            polygons,
            coordinates,
        },
    )
}

/// A call of any rule, and values of which the answers to its questions are made.
fn conversation() -> impl Strategy<Value = (Call, Vec<Value>)> {
    let rules = biplane_rules::manifest().rules;
    prop::sample::select(rules).prop_flat_map(|rule| {
        let (events, collection, takes_flat) = match rule.trigger {
            Trigger::Filter { events, collections, flat, .. } => {
                (events, collections[0], flat.is_some())
            }
            Trigger::Action { events, collections } => (events, collections[0], false),
            Trigger::Endpoint { .. } | Trigger::Operation { .. } => (&[] as &[Event], "", false),
        };
        let event = (0..events.len().max(1)).prop_map(|index| events.get(index).copied());
        let flat = prop::option::of(flat()).prop_map(move |flat| flat.filter(|_| takes_flat));
        let known = json_value(names(&rule));
        let known = prop::collection::vec(leaf().boxed().prop_union(known.boxed()), 1..40);
        let keys = prop::collection::vec(prop::sample::select(WORDS).prop_map(Value::from), 0..3);
        let who = (prop::option::of("[a-z]{1,4}"), any::<bool>(), any::<f64>());
        (payload(&rule), event, flat, keys, known, who).prop_map(
            move |(payload, event, flat, keys, known, (user, admin, now_ms))| {
                let collection = collection.to_owned();
                let ctx = Context { now_ms, collection, keys, user, admin, ..Context::default() };
                let (kind, name) = (rule.kind(), rule.name.to_owned());
                (Call { kind, name, event, payload, flat, ctx }, known)
            },
        )
    })
}

/// Answers of the right form, and now and then of another one, with any values in them.
struct Answers<'a> {
    known: std::iter::Cycle<std::slice::Iter<'a, Value>>,
}

impl Answers<'_> {
    fn value(&mut self) -> Value {
        self.known.next().cloned().unwrap_or_default()
    }

    /// A number from the values that are known, below `end`.
    fn number(&mut self, end: usize) -> usize {
        self.value().to_string().len() % end
    }

    fn answer(&mut self, need: &Need) -> Value {
        if self.number(16) == 7 {
            return self.value();
        }
        match need {
            Need::ItemsRead { keys, fields, .. } => keys.iter().map(|_| self.row(fields)).collect(),
            Need::ItemsFind { fields, .. } => {
                (0..self.number(4)).map(|_| self.row(fields)).collect()
            }
            Need::ItemsCount { group, .. } => {
                let mut group = group.to_vec();
                group.push("count");
                (0..self.number(4)).map(|_| self.row(&group)).collect()
            }
            Need::PositionsCount { .. } => {
                let fields = ["device", "fixes", "faulty", "lag_ms", "elements.113"];
                (0..self.number(4)).map(|_| self.row(&fields)).collect()
            }
            Need::PositionsRead { devices, fields, .. } => {
                let rows = self.number(5);
                let mut of_device = || -> Value {
                    let names = fields.iter().map(|field| json!(field));
                    let names = names.filter_map(|name| Some(name.as_str()?.to_owned()));
                    let mut column = || (0..rows).map(|_| self.value()).collect::<Value>();
                    names.map(|name| (name, column())).collect()
                };
                devices.iter().map(|_| of_device()).collect()
            }
            Need::RegistryRead { imeis, .. } => {
                let held = imeis.iter().take(self.number(4));
                held.map(|imei| json!({ "imei": imei, "instance": self.value() })).collect()
            }
            Need::ReviewsRead { .. } => {
                let fields = ["organization", "device", "verdict", "outcome"];
                (0..self.number(7)).map(|_| self.row(&fields)).collect()
            }
            Need::RecomputesRead { .. } => (0..self.number(3)).map(|_| self.value()).collect(),
            Need::AttemptsClaim { attempts, .. } => {
                attempts.iter().map(|_| json!({ "ours": self.value() })).collect()
            }
        }
    }

    /// An item; fields of items that it points to lie in objects.
    fn row(&mut self, fields: &[&str]) -> Value {
        let mut row = json!({});
        for field in fields {
            let pointer = format!("/{}", field.replace('.', "/"));
            let mut at = &mut row;
            for name in pointer.split('/').skip(1) {
                if !at.is_object() {
                    *at = json!({});
                }
                at = &mut at[name];
            }
            *at = self.value();
        }
        row
    }
}

/// Whether it is refused, has questions or is decided, and never two of them.
fn is_one(outcome: &Outcome) -> bool {
    let decided = outcome.patch.is_some()
        || outcome.result.is_some()
        || outcome.answer.is_some()
        || !outcome.effects.is_empty();
    let said = [!outcome.reject.is_empty(), !outcome.need.is_empty(), decided];
    said.into_iter().filter(|&it| it).count() <= 1
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_000) })]

    #[test]
    fn every_rule_comes_to_one_outcome((mut call, known) in conversation()) {
        let mut answers = Answers { known: known.iter().cycle() };
        for _ in 0..MAX_ROUNDS {
            let outcome = biplane_rules::call(&call);
            prop_assert!(is_one(&outcome), "{outcome:?}");
            for rejection in &outcome.reject {
                prop_assert!(!rejection.message.is_empty());
                prop_assert_eq!(rejection.status, rejection.code.status());
            }
            if outcome.need.is_empty() {
                return Ok(());
            }
            for need in &outcome.need {
                let answer = answers.answer(need);
                let before = call.ctx.results.insert(need.name().to_owned(), answer);
                prop_assert_eq!(before, None, "{} asks for `{}` again", call.name, need.name());
            }
        }
        prop_assert!(false, "{} still asks after {MAX_ROUNDS} rounds", call.name);
    }
}
