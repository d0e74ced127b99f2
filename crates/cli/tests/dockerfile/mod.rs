//! As much of a Dockerfile as the tests ask about.

use std::str::FromStr;

struct Instruction {
    stage: String,
    word: String,
    arguments: String,
}

/// A `COPY`.
pub struct Copy {
    pub stage: String,
    /// The stage that it copies from; none: the build context.
    pub from: Option<String>,
    pub sources: Vec<String>,
    pub target: String,
}

/// Instructions in their order, each of its stage.
pub struct Dockerfile {
    /// Name and base of each stage.
    stages: Vec<(String, String)>,
    instructions: Vec<Instruction>,
}

impl FromStr for Dockerfile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut file = Self { stages: Vec::new(), instructions: Vec::new() };
        let mut joined = String::new();
        for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
            if let Some(start) = line.strip_suffix('\\') {
                joined += start;
                continue;
            }
            joined += line;
            let whole = std::mem::take(&mut joined);
            let Some((word, arguments)) = whole.split_once(' ') else { continue };
            if word == "FROM" {
                let (base, name) = arguments.split_once(" AS ").ok_or("a stage without a name")?;
                file.stages.push((name.to_owned(), base.to_owned()));
            }
            let (stage, _) = file.stages.last().ok_or("an instruction before any FROM")?;
            file.instructions.push(Instruction {
                stage: stage.clone(),
                word: word.to_owned(),
                arguments: arguments.split_whitespace().collect::<Vec<_>>().join(" "),
            });
        }
        Ok(file)
    }
}

impl Dockerfile {
    pub fn stages(&self) -> Vec<String> {
        self.stages.iter().map(|(name, _)| name.clone()).collect()
    }

    pub fn has_stage(&self, name: &str) -> bool {
        self.stages.iter().any(|(stage, _)| stage == name)
    }

    /// The image that a stage begins from.
    pub fn base(&self, name: &str) -> &str {
        let stage = self.stages.iter().find(|(stage, _)| stage == name);
        stage.map(|(_, base)| base.as_str()).unwrap_or_else(|| panic!("no stage {name}"))
    }

    /// The arguments of a stage's own instructions of one kind.
    pub fn of<'a>(&'a self, stage: &'a str, word: &'a str) -> impl Iterator<Item = &'a str> {
        self.instructions
            .iter()
            .filter(move |one| one.stage == stage && one.word == word)
            .map(|one| one.arguments.as_str())
    }

    /// The instruction that holds in the end: the stage's own, or that of the stage it builds on.
    pub fn last(&self, stage: &str, word: &str) -> Option<String> {
        let own = self.of(stage, word).last().map(str::to_owned);
        own.or_else(|| {
            let base = self.base(stage);
            if self.has_stage(base) { self.last(base, word) } else { None }
        })
    }

    /// The variables that a stage sets itself.
    pub fn env(&self, stage: &str) -> Vec<(String, String)> {
        self.of(stage, "ENV")
            .flat_map(|arguments| arguments.split(' '))
            .filter_map(|pair| pair.split_once('='))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect()
    }

    pub fn copies(&self) -> Vec<Copy> {
        let copies = self.instructions.iter().filter(|one| one.word == "COPY" || one.word == "ADD");
        copies
            .map(|one| {
                let words = one.arguments.split(' ');
                let (flags, mut paths): (Vec<_>, Vec<_>) =
                    words.map(str::to_owned).partition(|word| word.starts_with("--"));
                let target = paths.pop().unwrap_or_default();
                let from = flags.iter().find_map(|flag| flag.strip_prefix("--from="));
                Copy {
                    stage: one.stage.clone(),
                    from: from.map(str::to_owned),
                    sources: paths,
                    target,
                }
            })
            .collect()
    }
}
