use std::net::SocketAddr;
use std::sync::OnceLock;

use biplane_bus::Outcome;
use biplane_core::ErrorCode;
use metrics::{Counter, Gauge, Histogram, counter, describe_counter, describe_gauge, gauge};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::tls::HandshakeError;

/// The process's recorder; several gateways in one process share it.
pub(crate) fn recorder() -> PrometheusHandle {
    static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();
    RECORDER
        .get_or_init(|| {
            let seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
            let frames = [1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 512.0];
            let recorder = PrometheusBuilder::new()
                .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &seconds)
                .and_then(|builder| {
                    builder.set_buckets_for_metric(Matcher::Suffix("_batch_frames".into()), &frames)
                })
                .expect("the bounds are not empty")
                .build_recorder();
            let handle = recorder.handle();
            // A host that has its own recorder keeps it; this endpoint is then empty.
            let _ = metrics::set_global_recorder(recorder);
            describe();
            handle
        })
        .clone()
}

fn describe() {
    describe_gauge!("biplane_gateway_sockets", "Device connections open now");
    describe_counter!("biplane_gateway_connections_refused_total", "Closed at once, by limit");
    describe_counter!(
        "biplane_gateway_handshakes_failed_total",
        "Connections that came to no TLS: closed, or by a client that does not speak it"
    );
    describe_counter!("biplane_gateway_logins_total", "Logins, by result");
    describe_counter!("biplane_gateway_frames_total", "Frames read from devices");
    describe_counter!("biplane_gateway_fixes_total", "Records in them");
    describe_counter!("biplane_gateway_acks_total", "Frames acknowledged: durable in the log");
    describe_counter!("biplane_gateway_errors_total", "Malformed input, by code");
    describe_counter!("biplane_gateway_append_failures_total", "Failed appends; each is retried");
    describe_counter!(
        "biplane_gateway_takeovers_total",
        "Logins of a device that another address held"
    );
    describe_counter!("biplane_gateway_orders_total", "Orders finished, by outcome");
    describe_gauge!("biplane_gateway_orders_open", "Orders that wait or are with their device now");
    metrics::describe_histogram!(
        "biplane_gateway_append_seconds",
        "From handing a batch to the log until it is durable"
    );
    metrics::describe_histogram!("biplane_gateway_append_batch_frames", "Frames in a batch");
}

/// Looked up once: the macros search by name each time.
pub(crate) struct Meters {
    pub sockets: Gauge,
    pub frames: Counter,
    pub fixes: Counter,
    pub acks: Counter,
    pub append_failures: Counter,
    pub append_seconds: Histogram,
    pub append_batch: Histogram,
    pub takeovers: Counter,
    pub handshakes_failed: Counter,
    pub orders_open: Gauge,
}

impl Meters {
    pub(crate) fn new() -> Self {
        Self {
            sockets: gauge!("biplane_gateway_sockets"),
            orders_open: gauge!("biplane_gateway_orders_open"),
            frames: counter!("biplane_gateway_frames_total"),
            fixes: counter!("biplane_gateway_fixes_total"),
            acks: counter!("biplane_gateway_acks_total"),
            append_failures: counter!("biplane_gateway_append_failures_total"),
            append_seconds: metrics::histogram!("biplane_gateway_append_seconds"),
            append_batch: metrics::histogram!("biplane_gateway_append_batch_frames"),
            takeovers: counter!("biplane_gateway_takeovers_total"),
            handshakes_failed: counter!("biplane_gateway_handshakes_failed_total"),
        }
    }

    pub(crate) fn login(&self, result: &'static str) {
        counter!("biplane_gateway_logins_total", "result" => result).increment(1);
    }

    pub(crate) fn error(&self, code: ErrorCode) {
        counter!("biplane_gateway_errors_total", "code" => code.as_str()).increment(1);
    }

    pub(crate) fn order(&self, outcome: Outcome) {
        counter!("biplane_gateway_orders_total", "outcome" => outcome.as_str()).increment(1);
    }

    /// Counts a connection that came to no TLS.
    pub(crate) fn no_handshake(&self, remote: SocketAddr, error: &HandshakeError) {
        self.handshakes_failed.increment(1);
        tracing::debug!(%remote, %error, "no TLS");
    }

    pub(crate) fn refused(&self, limit: &'static str) {
        counter!("biplane_gateway_connections_refused_total", "limit" => limit).increment(1);
    }
}
