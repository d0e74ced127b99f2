//! Trips and excesses of speed.

use super::*;

/// Drives north for 200 s from second 0 with 72 km/h, a fix each 5 s, and stands for 400 s.
fn drive() -> Vec<Fix> {
    let way = |n: i64| Fix {
        speed_kmh: Some(if n < 40 { 72.0 } else { 0.0 }),
        ..fix(n * 5, 46.0 + n.min(40) as f64 * 0.0009)
    };
    (0..=120).map(way).collect()
}

#[tokio::test]
async fn a_trip_and_an_excess_are_one_row_each_however_they_are_told() {
    let (server, client) = server().await;
    let mut writer = Writer::new(server.url());
    let limits = MotionLimits { overspeed_kmh: 60.0, ..MotionLimits::default() };
    let fixes = drive();
    let mut motion = Motion::begin(moment(&fixes[0]));
    let mut seen = vec![];
    for part in fixes.chunks(30) {
        let (mut batch, mut happened) = (Batch::new(CLAIM), vec![]);
        for fix in part {
            motion.take(moment(fix), fix.speed_kmh, &limits, &mut happened);
        }
        happened.into_iter().for_each(|it| batch.happened(DEVICE, it));
        let told = Status { motion: Some(motion), ..status(part.last().cloned(), 600) };
        batch.status(DEVICE.id, told);
        writer.write(&[&batch]).await.unwrap();
        writer.write(&[&batch]).await.unwrap();
        let trip = "SELECT s.motion, s.motion_since, t.ended_at::text, t.distance_m, a.status, a.message, a.event
                    FROM device_status s, trips t, alerts a";
        let row = client.query_one(trip, &[]).await.unwrap();
        let since = row.get::<_, std::time::SystemTime>(1);
        let since = since.duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as i64 - START;
        seen.push((
            row.get::<_, String>(0),
            since,
            row.get::<_, Option<String>>(2),
            row.get::<_, f32>(3).round(),
            row.get::<_, String>(4),
        ));
        assert_eq!(row.get::<_, Option<Uuid>>(6), Some(Uuid::from_u128(0xe1)));
        let message: String = row.get(5);
        assert!(
            message.starts_with("one went up to 72 km/h since 2020-09-12 11:40:05"),
            "{message}"
        );
        let known = StateReader::new(server.url()).states(&[DEVICE.id], 0).await.unwrap().remove(0);
        assert_eq!(known.motion, Some((DEVICE.organization, motion)));
    }
    let row = |motion: &str, since, ended: Option<&str>, way, alert: &str| {
        (motion.to_owned(), since, ended.map(str::to_owned), way, alert.to_owned())
    };
    let end = Some("2020-09-12 11:43:20+00");
    assert_eq!(
        seen,
        [
            row("moving", 0, None, 2002.0, "open"),
            row("moving", 0, None, 4003.0, "closed"),
            row("moving", 0, None, 4003.0, "closed"),
            row("stopped", 200_000, end, 4003.0, "closed"),
            row("stopped", 200_000, end, 4003.0, "closed"),
        ]
    );
    // What people say of an alert stays.
    client.batch_execute("UPDATE alerts SET status = 'acknowledged'").await.unwrap();
    client.batch_execute("UPDATE telemetry.motion SET state = ''").await.unwrap();
    let mut happened = vec![];
    let mut motion = Motion::begin(moment(&fixes[0]));
    for fix in &fixes[..20] {
        motion.take(moment(fix), fix.speed_kmh, &limits, &mut happened);
    }
    let mut batch = Batch::new(CLAIM);
    happened.into_iter().for_each(|it| batch.happened(DEVICE, it));
    writer.write(&[&batch]).await.unwrap();
    assert_eq!(count(&client, "alerts WHERE status = 'acknowledged'").await, 1);
    let known = StateReader::new(server.url()).states(&[DEVICE.id], 0).await.unwrap().remove(0);
    assert_eq!(known.motion, None, "what can't be read is begun anew");
}
