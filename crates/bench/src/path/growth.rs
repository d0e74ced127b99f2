//! What a position costs with more and more devices, and with more and more fences.

use std::time::Duration;

use biplane_stack::fleet::Fleet;
use biplane_stack::{Description, Progress, SetupError};

use super::connect;
use super::flight::Flight;
use crate::report::Figure;
use crate::{cpu, refused};

/// How long each leg is.
const LEG: Duration = Duration::from_secs(15);
/// Until a change of the fences is in use: a notice takes 50 ms, reading them some more.
const SETTLED: Duration = Duration::from_secs(5);

/// Microseconds of CPU a position, all processes of the telemetry plane together.
pub async fn measure(stack: &Description, progress: &Progress) -> Result<Vec<Figure>, SetupError> {
    let database = connect(stack).await?;
    // Each leg has trackers of its own: one that begins anew would send what is there already.
    let fleet = Fleet::new(12_000, 1);
    fleet.furnish(&database, 0).await?;
    fleet.await_known(stack.teltonika.parse().map_err(crate::failed)?).await?;
    let mut figures = Vec::new();
    let mut legs = vec![
        ("growth_devices_100", 0..100, 1_000),
        ("growth_devices_1k", 100..1_100, 1_000),
        ("growth_devices_10k", 1_900..11_900, 1_000),
        ("growth_fences_10", 1_100..1_300, 10),
        ("growth_fences_1k", 1_300..1_500, 1_000),
        ("growth_fences_100k", 1_500..1_700, 100_000),
    ];
    // What comes first finds caches cold and tables small; it is not counted.
    legs.insert(0, ("warm_up", 1_700..1_900, 1_000));
    let mut fences_before = 0;
    for (id, numbers, fences) in legs {
        let step = progress.step(id);
        if fences != fences_before {
            let clear = "DELETE FROM crossings; DELETE FROM geofences";
            database.batch_execute(clear).await.map_err(refused)?;
            Fleet::fence(&database, fences).await?;
            fences_before = fences;
        }
        tokio::time::sleep(SETTLED).await;
        let flight = Flight::new(stack, numbers)?;
        let before = cpu::seconds();
        let leg = flight.at_most(LEG, &step).await?;
        let used = |program: &str| {
            let seconds = cpu::seconds().get(program).copied().unwrap_or_default();
            (seconds - before.get(program).copied().unwrap_or_default()) * 1e6
                / leg.positions as f64
        };
        let processor = used(PROCESSOR);
        let all = processor + used(GATEWAY) + used("postgres") + used("redis-server");
        step.done(format!("{all:.1} µs of CPU a position, {processor:.1} in the processor"));
        if id != "warm_up" {
            figures.push(
                Figure::more_is_better(id, "us", all, &[])
                    .detail("processor", processor)
                    .detail("positions_a_second", leg.positions as f64 / leg.took.as_secs_f64()),
            );
        }
    }
    Ok(figures)
}

/// Names of processes as the system has them: 15 characters.
const PROCESSOR: &str = "biplane-process";
const GATEWAY: &str = "biplane-gateway";
