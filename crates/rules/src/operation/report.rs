//! What happened in the last day, for those who manage an organization: each reads of his own only.

use std::ops::ControlFlow;

use biplane_core::Timestamp;
use serde_json::{Value, json};

use crate::fleet::{DAY_MS, Device, Devices, by_silence, worst};
use crate::request::{Arguments, Parameter, ParameterKind, Place, answered};
use crate::{Call, Need, Outcome, Rejection, Rule, Trigger};
use biplane_core::shown::short;

/// Devices and events that are named; of more only the number is told.
const NAMED: usize = 5;
/// What is looked at: organizations, their managers, events that run or ran.
const MOST: u32 = 10_000;

/// Writes the reports.
pub const DAILY: Rule = Rule {
    name: "report.daily",
    trigger: Trigger::Operation {
        label: "Biplane: daily report",
        icon: "summarize",
        description: "What devices, events and commands of each organization did in the last day, in words, \
                      and a notification of it for each of its managers.",
        options: &[Parameter::new(
            "organization",
            Place::Option,
            ParameterKind::Uuid,
            "Only this one; all active ones unless given.",
        )],
        together: false,
    },
};

/// See [`DAILY`].
pub fn daily(call: &Call) -> Outcome {
    answered(call, &DAILY, |arguments| decide(call, arguments))
}

fn decide(call: &Call, arguments: &Arguments) -> Result<Outcome, Rejection> {
    let only = arguments.text("organization");
    let now = Timestamp::from_millis(call.ctx.now_ms as i64);
    let since = now + -DAY_MS;
    let mut devices = match Devices::read(call, only)? {
        ControlFlow::Continue(devices) => devices,
        ControlFlow::Break(mut need) => {
            need.extend(needs(only, since, now));
            return Ok(Outcome::needs(need));
        }
    };
    if let Some(need) = devices.count(call, only, since)? {
        return Ok(Outcome::need(need));
    }
    let found = |name| call.ctx.answer(name).map(Option::unwrap_or_default);
    let day = Day {
        now,
        since,
        devices: devices.all,
        events: found("events")?,
        finishers: found("finishers")?,
        alerts: found("alerts")?,
        commands: found("commands")?,
    };
    let (mut reports, mut notifications) = (Vec::new(), Vec::new());
    for organization in found("organizations")? {
        let id = text(organization, "id");
        let subject =
            format!("{}: daily report of {}", short(text(organization, "name")), minute(now));
        let message = day.report(id);
        for manager in found("managers")?.iter().filter(|it| text(it, "organization") == id) {
            let recipient = &manager["user"];
            notifications
                .push(json!({ "recipient": recipient, "subject": subject, "message": message }));
        }
        reports.push(json!({ "organization": id, "subject": subject, "message": message }));
    }
    Ok(Outcome::result(json!({ "reports": reports, "notifications": notifications })))
}

fn needs(only: Option<&str>, since: Timestamp, now: Timestamp) -> Vec<Need> {
    let of = |field: &str, mut filter: Value| {
        if let Some(key) = only {
            filter[field] = json!({ "_eq": key });
        }
        filter
    };
    let count = |name, collection, filter, group, distinct| Need::ItemsCount {
        name,
        collection,
        filter: of("organization", filter),
        group,
        distinct,
    };
    vec![
        Need::find(
            "organizations",
            "organizations",
            of("id", json!({ "status": { "_eq": "active" } })),
            &["id", "name"],
            MOST,
        ),
        Need::find(
            "managers",
            "organization_members",
            of(
                "organization",
                json!({ "role": { "_eq": "manager" }, "user": { "status": { "_eq": "active" } } }),
            ),
            &["organization", "user"],
            MOST,
        ),
        Need::find(
            "events",
            "events",
            of(
                "organization",
                json!({
                    "status": { "_in": ["running", "finished"] },
                    "starts_at": { "_lte": now },
                    "_or": [{ "ends_at": { "_gte": since } }, { "status": { "_eq": "running" } }],
                }),
            ),
            &["name", "status", "organization"],
            MOST,
        ),
        count(
            "finishers",
            "crossings",
            json!({
                "status": { "_eq": "valid" },
                "checkpoint": { "role": { "_eq": "finish" } },
                "date_created": { "_gte": since },
            }),
            &["organization"],
            Some("entry"),
        ),
        count(
            "alerts",
            "alerts",
            json!({ "status": { "_eq": "open" } }),
            &["organization", "kind"],
            None,
        ),
        count(
            "commands",
            "commands",
            json!({ "status": { "_in": ["failed", "unknown"] }, "date_updated": { "_gte": since } }),
            &["organization", "status"],
            None,
        ),
    ]
}

/// What is known of all organizations together.
struct Day<'a> {
    now: Timestamp,
    since: Timestamp,
    devices: Vec<Device<'a>>,
    events: &'a [Value],
    finishers: &'a [Value],
    alerts: &'a [Value],
    commands: &'a [Value],
}

impl Day<'_> {
    /// Of one organization, as Markdown: a line each.
    fn report(&self, organization: &str) -> String {
        let of = |items: &'_ [Value]| -> Vec<Value> {
            items.iter().filter(|it| text(it, "organization") == organization).cloned().collect()
        };
        let devices: Vec<_> =
            self.devices.iter().filter(|it| it.organization == organization).collect();
        let finishers =
            of(self.finishers).iter().filter_map(|it| it["count"].as_u64()).sum::<u64>();
        [
            format!("{} to {} UTC\n", minute(self.since), minute(self.now)),
            self.heard(&devices),
            positions(&devices),
            events(&of(self.events)),
            format!("Finishers: {finishers}"),
            by_kind("Open alerts", &of(self.alerts), "kind"),
            by_kind("Commands that failed or whose end is unknown", &of(self.commands), "status"),
        ]
        .join("\n- ")
    }

    fn heard(&self, devices: &[&Device<'_>]) -> String {
        let mut silent = by_silence(devices);
        silent.retain(|it| it.received_at.is_none_or(|at| at < self.since));
        let heard = devices.len() - silent.len();
        let mut line = format!("Devices: {heard} of {} were heard of", devices.len());
        if !silent.is_empty() {
            let names = silent.iter().take(NAMED).map(|it| match it.received_at {
                Some(at) => format!("{} (since {})", short(it.name), minute(at)),
                None => format!("{} (never)", short(it.name)),
            });
            line.push_str("; silent for more than 24 hours: ");
            line.push_str(&listed(names.collect(), silent.len()));
        }
        line
    }
}

fn positions(devices: &[&Device<'_>]) -> String {
    let fixes: u64 = devices.iter().map(|it| it.fixes).sum();
    let faulty: u64 = devices.iter().map(|it| it.faulty).sum();
    let percent =
        |faulty: u64, fixes: u64| format!("{:.1} %", 100.0 * faulty as f64 / fixes.max(1) as f64);
    let mut line = format!("Positions: {fixes}");
    if fixes > 0 {
        line = format!("{line}, of them {} faulty", percent(faulty, fixes));
    }
    if let Some(it) = worst(devices).first() {
        line = format!(
            "{line}; most of {}: {} of {}",
            short(it.name),
            percent(it.faulty, it.fixes),
            it.fixes
        );
    }
    line
}

fn events(events: &[Value]) -> String {
    let names = events.iter().take(NAMED);
    let names = names.map(|it| format!("{} ({})", short(text(it, "name")), text(it, "status")));
    format!("Events: {}", listed(names.collect(), events.len()))
}

fn by_kind(what: &str, counts: &[Value], kind: &str) -> String {
    let names = counts.iter().map(|it| {
        format!("{} {}", it["count"].as_u64().unwrap_or_default(), text(it, kind).replace('_', " "))
    });
    format!("{what}: {}", listed(names.collect(), counts.len()))
}

/// Names, and how many there are besides.
fn listed(names: Vec<String>, count: usize) -> String {
    match count.saturating_sub(names.len()) {
        0 if names.is_empty() => "none".to_owned(),
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

/// `2026-05-01 09:30`
fn minute(at: Timestamp) -> String {
    at.to_string().chars().take(16).map(|it| if it == 'T' { ' ' } else { it }).collect()
}

fn text<'a>(item: &'a Value, field: &str) -> &'a str {
    item[field].as_str().unwrap_or_default()
}
