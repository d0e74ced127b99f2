//! What is stored, to be timed again.

use super::*;

#[tokio::test]
async fn history_is_read_in_order_and_corrected_in_one_step() {
    let (server, client) = server().await;
    client.execute("DELETE FROM telemetry.recomputes", &[]).await.unwrap();
    let mut batch = Batch::new(CLAIM);
    for seconds in [10, 20, 30, 40] {
        let fault = (seconds == 20).then_some("impossible_speed");
        batch.position(DEVICE, &fix(seconds, 46.0), received(seconds), fault, seconds != 40);
    }
    batch.crossings = vec![crossing(0xf1, 25), crossing(0xf1, 35)];
    batch.status(DEVICE.id, status(Some(fix(40, 46.0)), 40));
    Writer::new(server.url()).write(&[&batch]).await.unwrap();

    let mut history = History::new(server.url());
    let orders = history.orders().await.unwrap();
    let told: Vec<_> = orders.iter().map(|it| (it.device, it.from, it.until)).collect();
    assert_eq!(told, [(DEVICE.id, at(40), at(40))], "one was not promised to be new");
    assert!(orders[0].imei.is_some());

    let beginning = history.beginning(DEVICE.id, at(30), 4).await.unwrap();
    assert_eq!(
        beginning.last.map(|(owner, it)| (owner, it.moment.time)),
        Some((DEVICE.organization, at(10)))
    );
    assert_eq!(beginning.refused.iter().map(|it| it.time).collect::<Vec<_>>(), [at(20)]);
    let fixes = history.fixes(DEVICE.id, at(10), 2).await.unwrap();
    let told: Vec<_> = fixes.iter().map(|it| (it.time, it.fault.as_deref())).collect();
    assert_eq!(told, [(at(20), Some("impossible_speed")), (at(30), None)]);
    let stored = history.crossings(DEVICE.id, at(20), at(30)).await.unwrap();
    assert_eq!(stored.iter().map(|it| it.id).collect::<Vec<_>>(), [batch.crossings[0].id]);

    let changes = Changes {
        delete: vec![batch.crossings[0].id],
        insert: vec![crossing(0xf1, 26)],
        update: vec![Crossing {
            status: CrossingStatus::OutsideWindow,
            ..batch.crossings[1].clone()
        }],
    };
    let marks = [
        Mark { time: at(20), digest: fix(20, 46.0).digest(), fault: None },
        Mark { time: at(40), digest: fix(40, 46.0).digest(), fault: Some(Fault::Flagged) },
    ];
    let mut correction = Correction {
        claim: Claim { generation: CLAIM.generation - 1, ..CLAIM },
        device: DEVICE.id,
        marks: &marks,
        changes: &changes,
        now_at: Some(Some(at(30))),
        orders: &[orders[0].id],
        marks_changed: 2,
    };
    let fenced = history.correct(&correction).await.unwrap_err();
    assert!(matches!(fenced, HistoryError::Fenced { partition: 3 }), "{fenced}");
    assert_eq!(history.orders().await.unwrap().len(), 1);
    correction.claim = CLAIM;
    history.correct(&correction).await.unwrap();
    assert_eq!(history.orders().await.unwrap(), []);
    let faults =
        "telemetry.positions WHERE fault_reason = 'flagged' AND ts = '2020-09-12 11:40:40+00'";
    assert_eq!(
        (count(&client, faults).await, count(&client, "telemetry.positions WHERE faulty").await),
        (1, 1)
    );
    let said = "crossings WHERE source = 'recomputed' AND (status = 'outside_window') = (date_updated IS NOT NULL)";
    assert_eq!((count(&client, said).await, count(&client, "crossings").await), (2, 2));
    assert_eq!(
        count(&client, "device_status WHERE last_fix_at = '2020-09-12 11:40:30+00'").await,
        1
    );
    let told = "telemetry.recomputes WHERE marks_changed = 2 AND crossings_added = 1 AND crossings_removed = 1 AND crossings_changed = 1";
    assert_eq!(count(&client, told).await, 1);

    // Nothing at all is believed of it any more.
    correction.now_at = Some(None);
    history.correct(&correction).await.unwrap();
    assert_eq!(count(&client, "device_status WHERE last_fix_at IS NULL AND lat IS NULL").await, 1);
    history.tidy(&[orders[0].id]).await.unwrap();
    assert_eq!(count(&client, "telemetry.recomputes").await, 0);
}
