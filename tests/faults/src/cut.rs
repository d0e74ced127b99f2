//! `cut`: the network between trackers, gateway, Redis, processor and PostgreSQL breaks at random
//! moments under load, one link at a time: connections end, or nothing comes through for a while.

use std::collections::BTreeMap;
use std::time::Duration;

use biplane_stack::fleet::Sequence;
use biplane_stack::{Altered, Description, Layout, Ports, Progress, SetupError};
use clap::Args;

use crate::load::{self, Load};
use crate::proxy::{Link, Proxy};
use crate::{Outcome, failed};

/// Between two cuts, and how long each takes, in seconds.
const PAUSE: std::ops::Range<f64> = 0.5..2.0;
const LENGTH: std::ops::Range<f64> = 0.2..6.0;

/// Cut the links between the processes at random moments under load.
#[derive(Debug, Args)]
pub struct Arguments {
    /// How often a link is cut.
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    cuts: u32,
    /// Chooses links and moments; from the clock unless given.
    #[arg(long)]
    seed: Option<u64>,
    /// Trackers, one socket each.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=5_000))]
    devices: u32,
}

impl Arguments {
    /// Starts a stack of its own with a proxy on each link, cuts, counts, and stops it.
    pub async fn run(self, layout: &Layout, progress: &Progress) -> Result<Outcome, SetupError> {
        let ports = Ports::free()?;
        let links = [
            ("trackers to gateway", Proxy::to(ports.teltonika).await?),
            ("gateway to Redis", Proxy::to(ports.redis).await?),
            ("processor to Redis", Proxy::to(ports.redis).await?),
            ("processor to PostgreSQL", Proxy::to(ports.postgres).await?),
        ];
        let [_, gateway_redis, processor_redis, processor_postgres] =
            links.each_ref().map(|(_, proxy)| Some(proxy.port));
        let altered =
            Altered { gateway_redis, processor_redis, processor_postgres, ..Altered::default() };
        let data = crate::data_folder(layout);
        crate::on_a_stack_of(layout, data, ports, altered, progress, async |_, description| {
            self.torment(&links, description, progress).await
        })
        .await
    }

    async fn torment(
        &self,
        links: &[(&'static str, Proxy)],
        description: &Description,
        progress: &Progress,
    ) -> Result<Outcome, SetupError> {
        let seed = self.seed.unwrap_or_else(load::seed_of_the_clock);
        let mut random = Sequence::new(seed);
        let plan: Vec<_> = (0..self.cuts)
            .map(|_| {
                let how = *random.one_of(&[Link::Cut, Link::Silent]);
                (random.within(PAUSE), random.one_of(links), how, random.within(LENGTH))
            })
            .collect();
        let seconds = plan.iter().map(|(pause, _, _, long)| pause + long).sum::<f64>() + 10.0;
        let mut load = Load::new(description, self.devices, seconds).await?;
        load.gateway = links.first().ok_or_else(|| failed("no link"))?.1.address();

        let step = progress.step("Cutting");
        let mut times = BTreeMap::new();
        let cutting = async {
            for (number, (pause, (name, proxy), how, long)) in (1..).zip(plan) {
                tokio::time::sleep(Duration::from_secs_f64(pause)).await;
                step.note(format!("{number} of {}: {name} {how:?} for {long:.1} s", self.cuts));
                proxy.broken(how, Duration::from_secs_f64(long)).await;
                *times.entry(*name).or_insert(0) += 1;
            }
            Ok(())
        };
        load.under(cutting).await?;
        step.done(format!("{} cuts", self.cuts));
        load.count("cut", seed, times, description, progress).await
    }
}
