//! The results of an event: who is where in the ranking, and when he was at each checkpoint.

mod counted;

use std::collections::HashMap;

use biplane_core::results::{Course, RankBy, Standing, standings};
use biplane_core::shown::duration;
use biplane_core::{ErrorCode, Timestamp};
use counted::Counted;
use serde_json::{Value, json};

use crate::request::{Access, Arguments, Method, Parameter, ParameterKind, Place, answered};
use crate::sheet::{Sheet, as_people_count};
use crate::{Answer, Call, Need, Outcome, Rejection, Rule, Trigger};

/// How many crossings and entries are reckoned with at once.
const MOST: u32 = 20_000;

/// The ranking of an event.
pub const RESULTS: Rule = Rule {
    name: "results.event",
    trigger: Trigger::Endpoint {
        method: Method::Get,
        path: "/events/{event}/results",
        access: Access::Users,
        summary: "Ranking, splits and gaps of an event, of its valid crossings and what people made of them",
        parameters: &[
            Parameter::key_in_path("event", "The event."),
            Parameter::new(
                "rank_by",
                Place::Query,
                ParameterKind::Choice { of: &["elapsed", "clock"] },
                "Time since the own start, or time of day: who is there first wins.",
            )
            .or("elapsed"),
            Parameter::new(
                "category",
                Place::Query,
                ParameterKind::Text { max_length: 255 },
                "Only entries of this category.",
            ),
            Parameter::new(
                "format",
                Place::Query,
                ParameterKind::Choice { of: &["json", "csv"] },
                "What the answer is written in.",
            )
            .or("json"),
        ],
        answers: &["application/json", "text/csv"],
    },
};

/// See [`RESULTS`].
pub fn results(call: &Call) -> Outcome {
    answered(call, &RESULTS, |arguments| answer(call, arguments))
}

fn answer(call: &Call, arguments: &Arguments) -> Result<Outcome, Rejection> {
    let answers = ["event", "checkpoints", "entries", "crossings", "edits"]
        .map(|name| call.ctx.answer(name))
        .into_iter()
        .collect::<Result<Option<Vec<_>>, _>>();
    let Some([events, checkpoints, entries, crossings, edits]) =
        answers?.and_then(|answers| <[&[Value]; 5]>::try_from(answers).ok())
    else {
        return Ok(Outcome::needs(needs(arguments)));
    };
    let event = events.first().ok_or_else(Rejection::forbidden)?;
    for (what, items) in [("entries", entries), ("crossings", crossings), ("edits", edits)] {
        if items.len() > MOST as usize {
            let message = format!("event: it has more than {MOST} {what}");
            return Err(Rejection::field(ErrorCode::TooMuch, "event", message));
        }
    }
    let counted = Counted::of(crossings, edits);
    let table = Table::reckon(event, checkpoints, entries, &counted, arguments);
    Ok(match arguments.text("format") {
        Some("csv") => Outcome {
            answer: Some(Answer::Text {
                media_type: "text/csv; charset=utf-8",
                file_name: "results.csv".to_owned(),
                text: table.csv(),
                headers: Default::default(),
            }),
            ..Outcome::default()
        },
        _ => Outcome::json(&table.json()),
    })
}

fn needs(arguments: &Arguments) -> Vec<Need> {
    let event = arguments.text("event").unwrap_or_default();
    let of_event = json!({ "event": { "_eq": event } });
    let entries = match arguments.text("category") {
        Some(category) => json!({ "_and": [of_event, { "category": { "_eq": category } }] }),
        None => of_event.clone(),
    };
    let find =
        |name, collection, filter, fields| Need::find(name, collection, filter, fields, MOST + 1);
    let valid = json!({ "_and": [of_event, { "status": { "_eq": "valid" } }] });
    // What takes an edit back belongs to the event that the edit belongs to.
    let edited = json!({ "_or": [
        { "crossing": of_event }, { "entry": of_event },
        { "edit": { "crossing": of_event } }, { "edit": { "entry": of_event } },
    ] });
    vec![
        Need::read(
            "event",
            "events",
            vec![json!(event)],
            &["id", "name", "starts_at", "course_revision"],
        ),
        find("checkpoints", "checkpoints", of_event.clone(), &["id", "name", "role", "sort"]),
        find("entries", "entries", entries, &["id", "number", "name", "category", "status"]),
        find("crossings", "crossings", valid, &["id", "entry", "checkpoint", "crossed_at"]),
        find("edits", "crossing_edits", edited, EDIT_FIELDS),
    ]
}

/// With the crossing that an edit is of: one that did not count may be set right.
const EDIT_FIELDS: &[&str] = &[
    "id",
    "action",
    "crossing.id",
    "crossing.entry",
    "crossing.checkpoint",
    "entry",
    "checkpoint",
    "crossed_at",
    "edit",
    "date_created",
];

/// Everything that is told.
struct Table<'a> {
    event: &'a Value,
    /// In the order of the course; zones are no part of it.
    course: Vec<&'a Value>,
    /// In the order of the ranking.
    rows: Vec<(&'a Value, Standing)>,
    counted: &'a Counted<'a>,
}

impl<'a> Table<'a> {
    fn reckon(
        event: &'a Value,
        checkpoints: &'a [Value],
        entries: &'a [Value],
        counted: &'a Counted<'a>,
        arguments: &Arguments,
    ) -> Self {
        let role = |checkpoint: &Value| match checkpoint["role"].as_str() {
            Some("start") => 0,
            Some("finish") => 2,
            _ => 1,
        };
        let mut course: Vec<_> =
            checkpoints.iter().filter(|it| it["role"].as_str() != Some("zone")).collect();
        course.sort_by_key(|it| (role(it), it["sort"].as_i64().unwrap_or(i64::MAX)));
        let id = |value: &'a Value| value["id"].as_str().unwrap_or_default();
        let places: HashMap<_, _> = course.iter().map(|it| id(it)).zip(0_usize..).collect();
        let rows: HashMap<_, _> = entries.iter().map(id).zip(0_usize..).collect();
        let mut times = vec![vec![Vec::new(); course.len()]; entries.len()];
        for crossed in counted.crossings() {
            let (row, place) = (rows.get(crossed.entry), places.get(crossed.checkpoint));
            if let (Some(&row), Some(&place)) = (row, place) {
                times[row][place].push(crossed.at);
            }
        }
        let gun = event["starts_at"].as_str().and_then(|text| text.parse().ok());
        let starts_at_first = course.first().is_some_and(|first| role(first) == 0);
        let rank_by = match arguments.text("rank_by") {
            Some("clock") => RankBy::Clock,
            _ => RankBy::Elapsed,
        };
        let shape = Course { starts_at_first, gun, checkpoints: course.len() };
        // Who is out of the race has times, but no place in it, and nobody is behind him.
        let out = |entry: &Value| matches!(entry["status"].as_str(), Some("dsq" | "dns"));
        let (beside, racing): (Vec<_>, Vec<_>) =
            entries.iter().zip(times).partition(|(entry, _)| out(entry));
        let (racers, times): (Vec<_>, Vec<_>) = racing.into_iter().unzip();
        let mut rows: Vec<_> = racers.into_iter().zip(standings(&shape, times, rank_by)).collect();
        rows.sort_by_cached_key(|(entry, standing)| {
            let number = as_people_count(entry["number"].as_str().unwrap_or_default());
            (standing.rank.unwrap_or(usize::MAX), number)
        });
        for (entry, times) in beside {
            let alone = standings(&shape, vec![times], rank_by).into_iter();
            let gaps_ms = vec![None; shape.checkpoints];
            rows.extend(
                alone.map(|it| (entry, Standing { rank: None, gaps_ms: gaps_ms.clone(), ..it })),
            );
        }
        Self { event, course, rows, counted }
    }

    fn json(&self) -> Value {
        let rows = self.rows.iter().enumerate().map(|(row, (entry, standing))| {
            let splits = (0..self.course.len()).map(|place| self.split(entry, standing, place));
            let last = standing.taken.checked_sub(1);
            let name = |place: &usize| self.course[*place]["id"].clone();
            json!({
                "rank": standing.rank,
                "entry": entry["id"],
                "number": entry["number"],
                "name": entry["name"],
                "category": entry["category"],
                "status": entry["status"],
                "checkpoints_taken": standing.taken,
                "finished": self.finished(standing),
                "elapsed_ms": last.and_then(|last| standing.elapsed_ms[last]),
                "gap_ms": last.and_then(|last| standing.gaps_ms[last]),
                "interval_ms": self.interval_ms(row),
                "splits": splits.collect::<Vec<_>>(),
                "out_of_order": standing.out_of_order.iter().map(name).collect::<Vec<_>>(),
            })
        });
        json!({
            "data": rows.collect::<Vec<_>>(),
            "meta": {
                "event": {
                    "id": self.event["id"],
                    "name": self.event["name"],
                    // What is told now is then reckoned anew.
                    "course_revision": self.event["course_revision"] == true,
                },
                "course": self.course,
            },
        })
    }

    /// What became of an entry at a checkpoint, and by which crossing and which edit.
    fn split(&self, entry: &'a Value, standing: &Standing, place: usize) -> Value {
        let checkpoint = &self.course[place]["id"];
        let last_crossed = standing.out_of_order.last();
        let state = if standing.splits[place].is_some() {
            "taken"
        } else if standing.out_of_order.contains(&place) {
            "out_of_order"
        } else if last_crossed.is_some_and(|&last| last > place) || entry["status"] == "finished" {
            "missing"
        } else {
            "ahead"
        };
        let at = standing.splits[place];
        // The one that counts; where none does, the first.
        let mut crossed = self.counted.cell(entry, checkpoint).iter();
        let seen = crossed.find(|it| at.is_none_or(|at| it.at == at));
        let void = || self.counted.void(entry, checkpoint).filter(|_| state != "taken");
        json!({
            "checkpoint": checkpoint,
            "state": state,
            "crossed_at": at,
            // Where it does not count: when it was crossed first all the same.
            "seen_at": seen.filter(|_| at.is_none()).map(|it| it.at),
            "elapsed_ms": standing.elapsed_ms[place],
            "leg_ms": self.leg_ms(standing, place),
            "gap_ms": standing.gaps_ms[place],
            "crossing": seen.and_then(|it| it.crossing),
            "edit": seen.map_or_else(void, |it| it.edit),
        })
    }

    /// How far behind the one before who has come as far; `None` where nobody has, or he is not ranked.
    fn interval_ms(&self, row: usize) -> Option<i64> {
        let standing = &self.rows[row].1;
        let before = &self.rows[row.checked_sub(1)?].1;
        let last = standing.taken.checked_sub(1)?;
        (standing.rank.is_some() && before.taken == standing.taken)
            .then(|| standing.gaps_ms[last].zip(before.gaps_ms[last]))
            .flatten()
            .map(|(gap, gap_before)| gap - gap_before)
    }

    /// A row an entry; times as people read them, h:mm:ss.mmm.
    fn csv(&self) -> String {
        let names = self.course.iter().map(|it| it["name"].as_str().unwrap_or_default());
        let header = ["rank", "number", "name", "category", "status", "elapsed", "gap"];
        let mut sheet = Sheet::new(header.into_iter().chain(names));
        for (entry, standing) in &self.rows {
            let last = standing.taken.checked_sub(1);
            let shown = |times: &[Option<i64>]| {
                last.and_then(|last| times[last]).map(duration).unwrap_or_default()
            };
            let text = |field: &str| entry[field].as_str().unwrap_or_default().to_owned();
            let rank = standing.rank.map(|rank| rank.to_string()).unwrap_or_default();
            let fixed = [
                rank,
                text("number"),
                text("name"),
                text("category"),
                text("status"),
                shown(&standing.elapsed_ms),
                shown(&standing.gaps_ms),
            ];
            let time =
                |split: &Option<Timestamp>| split.map(|it| it.to_string()).unwrap_or_default();
            sheet.row(fixed.into_iter().chain(standing.splits.iter().map(time)));
        }
        sheet.text()
    }

    fn finished(&self, standing: &Standing) -> bool {
        !self.course.is_empty() && standing.taken == self.course.len()
    }

    fn leg_ms(&self, standing: &Standing, place: usize) -> Option<i64> {
        let before = place.checked_sub(1)?;
        Some(standing.splits[place]? - standing.splits[before]?)
    }
}
