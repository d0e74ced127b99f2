//! What can be said to which tracker.
//!
//! Teltonika's are those of its public list of GPRS commands; the text goes into a Codec 12 frame, which
//! is the gateway's work.

use biplane_core::ErrorCode;
use biplane_core::shown::shown;
use serde_json::{Value, json};

use crate::Rejection;
use crate::request::{Arguments, Parameter, ParameterKind, Place};

/// A command.
pub struct Spec {
    /// As in the column `commands.name`.
    pub name: &'static str,
    /// For people.
    pub label: &'static str,
    /// What it does.
    pub description: &'static str,
    /// In the column `commands.parameters`.
    pub parameters: &'static [Parameter],
    /// Whether a second person has to agree.
    pub dangerous: bool,
    /// Whether saying it twice is as good as once.
    pub idempotent: bool,
    /// Whether the device answers.
    pub answers: bool,
    /// How long it waits for the device unless told otherwise, in seconds.
    pub wait_s: u32,
    /// The text for the device.
    pub text: fn(&Arguments) -> String,
}

/// A maker's protocol.
struct Protocol {
    name: &'static str,
    common: &'static [Spec],
    families: &'static [Family],
}

/// Models that take the same commands.
struct Family {
    models: &'static [&'static str],
    /// Besides what all models of the protocol take.
    own: &'static [Spec],
}

/// An hour.
const WAIT_S: u32 = 3_600;

const fn plain(name: &'static str, label: &'static str, description: &'static str) -> Spec {
    Spec {
        name,
        label,
        description,
        parameters: &[],
        dangerous: false,
        idempotent: true,
        answers: true,
        wait_s: WAIT_S,
        // Each has its own.
        text: |_| String::new(),
    }
}

const fn number(name: &'static str, description: &'static str) -> Parameter {
    let kind = ParameterKind::Integer { min: 0, max: 65_535 };
    Parameter::new(name, Place::Option, kind, description).required()
}

const fn output(name: &'static str, description: &'static str) -> Parameter {
    let kind = ParameterKind::Choice { of: &["ignore", "off", "on"] };
    Parameter::new(name, Place::Option, kind, description).or("ignore")
}

const fn timeout(name: &'static str) -> Parameter {
    Parameter::new(
        name,
        Place::Option,
        ParameterKind::Integer { min: 0, max: 65_535 },
        "After so many seconds the output goes back; never unless given.",
    )
}

/// What every model of Teltonika takes.
const TELTONIKA_COMMON: &[Spec] = &[
    Spec {
        text: |_| "getinfo".to_owned(),
        ..plain("getinfo", "System information", "Time, uptime, signal and state of the device.")
    },
    Spec {
        text: |_| "getver".to_owned(),
        ..plain("getver", "Versions", "Versions of firmware and modem.")
    },
    Spec {
        text: |_| "getstatus".to_owned(),
        ..plain("getstatus", "Modem", "State of the modem and its network.")
    },
    Spec { text: |_| "getgps".to_owned(), ..plain("getgps", "Position", "The present fix.") },
    Spec {
        text: |_| "getio".to_owned(),
        ..plain("getio", "Inputs and outputs", "What the inputs read and the outputs are set to.")
    },
    Spec {
        parameters: &[number("id", "The IO element's id (AVL ID).")],
        text: |it| format!("readio {}", whole(it, "id")),
        ..plain("readio", "Read an IO element", "The value of one IO element.")
    },
    Spec {
        parameters: &[number("id", "The parameter's id.")],
        text: |it| format!("getparam {}", whole(it, "id")),
        ..plain("getparam", "Read a parameter", "The value of a parameter of the configuration.")
    },
    Spec {
        parameters: &[
            number("id", "The parameter's id."),
            Parameter::new(
                "value",
                Place::Option,
                ParameterKind::Text { max_length: 64 },
                "What it is set to.",
            )
            .required(),
        ],
        dangerous: true,
        text: |it| format!("setparam {}:{}", whole(it, "id"), it.text("value").unwrap_or_default()),
        ..plain(
            "setparam",
            "Set a parameter",
            "Changes the configuration; a wrong value may cut the device off.",
        )
    },
    Spec {
        // Each makes a record.
        idempotent: false,
        answers: false,
        text: |_| "getrecord".to_owned(),
        ..plain("getrecord", "Record now", "Makes the device record and send a position at once.")
    },
    Spec {
        dangerous: true,
        // One that comes late restarts it again.
        idempotent: false,
        answers: false,
        text: |_| "cpureset".to_owned(),
        ..plain("cpureset", "Restart", "Restarts the device.")
    },
];

const fn set_outputs(parameters: &'static [Parameter], text: fn(&Arguments) -> String) -> Spec {
    Spec {
        parameters,
        dangerous: true,
        text,
        ..plain(
            "setdigout",
            "Set outputs",
            "Switches digital outputs; they may hold an engine or a door.",
        )
    }
}

const TELTONIKA: Protocol = Protocol {
    name: "teltonika",
    common: TELTONIKA_COMMON,
    families: &[
        Family {
            models: &[
                "FMB001", "FMB002", "FMB003", "FMB010", "FMB020", "FMB110", "FMB120", "FMB122",
                "FMB125", "FMB130", "FMB140", "FMB202", "FMB204", "FMB208", "FMB900", "FMB920",
                "FMB962", "FMB964", "FMT100", "FMC001", "FMC003", "FMC125", "FMC130", "FMM001",
                "FMM003", "FMM125", "FMM130", "FMU125", "FMU126", "FMU130", "MTB100",
            ],
            own: &[set_outputs(
                &[
                    output("output_1", "The first output."),
                    output("output_2", "The second output."),
                    timeout("timeout_1_s"),
                    timeout("timeout_2_s"),
                ],
                |it| outputs(it, &["output_1", "output_2"], &["timeout_1_s", "timeout_2_s"]),
            )],
        },
        Family {
            models: &["FMB640", "FMC640", "FMM640", "FMC650", "FMM650"],
            own: &[set_outputs(
                &[
                    output("output_1", "The first output."),
                    output("output_2", "The second output."),
                    output("output_3", "The third output."),
                    output("output_4", "The fourth output."),
                    timeout("timeout_1_s"),
                    timeout("timeout_2_s"),
                    timeout("timeout_3_s"),
                    timeout("timeout_4_s"),
                ],
                |it| {
                    outputs(
                        it,
                        &["output_1", "output_2", "output_3", "output_4"],
                        &["timeout_1_s", "timeout_2_s", "timeout_3_s", "timeout_4_s"],
                    )
                },
            )],
        },
    ],
};

/// One that the makers of many devices speak, and of whose commands nothing is known.
const fn spoken_by_many(name: &'static str) -> Protocol {
    Protocol { name, common: &[], families: &[] }
}

const PROTOCOLS: &[Protocol] = &[
    TELTONIKA,
    spoken_by_many("gt06"),
    spoken_by_many("h02"),
    spoken_by_many("json-lines"),
    spoken_by_many("osmand"),
];

fn whole(arguments: &Arguments, name: &str) -> i64 {
    arguments.integer(name).unwrap_or_default()
}

/// `setdigout 1? 60 ?`: what each output is set to, and for how long.
fn outputs(arguments: &Arguments, outputs: &[&str], timeouts: &[&str]) -> String {
    let state = |name: &&str| match arguments.text(name) {
        Some("on") => '1',
        Some("off") => '0',
        _ => '?',
    };
    let mut text = format!("setdigout {}", outputs.iter().map(state).collect::<String>());
    if timeouts.iter().any(|name| arguments.integer(name).is_some()) {
        for name in timeouts {
            let seconds = arguments.integer(name).map(|it| it.to_string());
            text += &format!(" {}", seconds.as_deref().unwrap_or("?"));
        }
    }
    text
}

/// Whether there is a protocol of this name.
pub fn is_protocol(name: &str) -> bool {
    PROTOCOLS.iter().any(|protocol| protocol.name == name)
}

/// Whether a protocol has a model of this name; whether it may have, where no models are known.
pub fn is_model(protocol: &str, model: &str) -> bool {
    let named = |family: &Family| family.models.contains(&model);
    let protocol = PROTOCOLS.iter().find(|it| it.name == protocol);
    protocol.is_some_and(|it| it.families.is_empty() || it.families.iter().any(named))
}

/// All commands of a tracker, which is an item of `devices`. Of a model that nobody named, what all models
/// take.
pub fn commands(tracker: &Value) -> impl Iterator<Item = &'static Spec> {
    let text = |field: &str| tracker[field].as_str().unwrap_or_default();
    let protocol = PROTOCOLS.iter().find(|it| it.name == text("protocol"));
    let families = protocol.map_or(&[][..], |protocol| protocol.families);
    let family = families.iter().find(|family| family.models.contains(&text("model")));
    let common = protocol.map_or(&[][..], |protocol| protocol.common);
    common.iter().chain(family.map_or(&[][..], |family| family.own))
}

impl Spec {
    /// The command of this name.
    pub fn of(tracker: &Value, name: Option<&Value>) -> Result<&'static Self, Rejection> {
        let mut all = commands(tracker);
        let found = all.find(|spec| name.and_then(Value::as_str) == Some(spec.name));
        found.ok_or_else(|| {
            let known: Vec<_> = commands(tracker).map(|spec| spec.name).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            let found = name.map_or_else(|| "nothing".to_owned(), shown);
            let message = format!("name: {found} is no command of this tracker; there is: {known}");
            Rejection::field(ErrorCode::CommandUnknown, "name", message)
        })
    }

    /// For a form.
    pub fn told(&self) -> Value {
        json!({
            "name": self.name,
            "label": self.label,
            "description": self.description,
            "parameters": self.parameters,
            "dangerous": self.dangerous,
            "idempotent": self.idempotent,
            "answers": self.answers,
            "wait_s": self.wait_s,
        })
    }
}
