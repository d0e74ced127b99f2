//! Every code that a user or a client can see: one table for hooks, endpoints,
//! operations, the live channel and the command line.
//!
//! A code is stable: clients match on it. A retired code is never used again.

use serde::{Serialize, Serializer};

macro_rules! error_codes {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $status:literal;)+) => {
        /// A stable code with its HTTP status.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ErrorCode {
            $($(#[$doc])* $variant,)+
        }

        impl ErrorCode {
            /// All codes, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The code as clients see it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// The HTTP status that goes with it.
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)+ }
            }
        }
    };
}

error_codes! {
    /// A geofence has no geometry, or one that is no GeoJSON geometry.
    GeofenceGeometry = "GEOFENCE_GEOMETRY", 400;
    /// The geometry's type does not fit the geofence's kind.
    GeofenceKind = "GEOFENCE_KIND", 400;
    /// A ring or line has too few positions.
    GeofenceTooFewPoints = "GEOFENCE_TOO_FEW_POINTS", 400;
    /// More vertices than a geofence may have.
    GeofenceTooManyPoints = "GEOFENCE_TOO_MANY_POINTS", 400;
    /// A coordinate is outside longitude ±180, latitude ±90, or no number.
    GeofenceCoordinates = "GEOFENCE_COORDINATES", 400;
    /// A line jumps from one side of the antimeridian to the other.
    GeofenceAntimeridian = "GEOFENCE_ANTIMERIDIAN", 400;
    /// Two segments of the polygon cross or overlap.
    GeofenceSelfIntersection = "GEOFENCE_SELF_INTERSECTION", 400;
    /// A ring encloses nothing.
    GeofenceZeroArea = "GEOFENCE_ZERO_AREA", 400;
    /// A hole lies outside its polygon, or two holes or polygons overlap.
    GeofenceNesting = "GEOFENCE_NESTING", 400;
    /// A circle's radius is missing or out of range.
    GeofenceRadius = "GEOFENCE_RADIUS", 400;
    /// What a geofence asks to be told of visits is out of range, or asked of a gate.
    GeofenceDwell = "GEOFENCE_DWELL", 400;
    /// A geofence asks for alerts of crossings that there are none of.
    GeofenceAlert = "GEOFENCE_ALERT", 400;
    /// An IMEI is not 15 digits, or its check digit is wrong.
    DeviceImei = "DEVICE_IMEI", 400;
    /// An event's times are no times, or it ends before it starts.
    EventTimes = "EVENT_TIMES", 400;
    /// An event's time zone has no name of the IANA database's form.
    EventTimezone = "EVENT_TIMEZONE", 400;
    /// A checkpoint's times are no times, or it closes before it opens.
    CheckpointTimes = "CHECKPOINT_TIMES", 400;
    /// A flag's range is missing, no range, or too long.
    FlagRange = "FLAG_RANGE", 400;
    /// Another flag says the contrary of the same positions.
    FlagContradicts = "FLAG_CONTRADICTS", 400;
    /// An edit of a crossing lacks what its action needs, or has what it may not have.
    EditAction = "EDIT_ACTION", 400;
    /// A flag or an edit without a reason that says something.
    ReviewReason = "REVIEW_REASON", 400;
    /// A tracker has no command of this name.
    CommandUnknown = "COMMAND_UNKNOWN", 400;
    /// A command's parameters are not what it takes.
    CommandParameters = "COMMAND_PARAMETERS", 400;
    /// A command's expiry is no time, over, or too far ahead.
    CommandExpiry = "COMMAND_EXPIRY", 400;
    /// A command can't be in this state, or not after the one it is in.
    CommandState = "COMMAND_STATE", 400;
    /// A dangerous command was not approved by somebody else.
    CommandApproval = "COMMAND_APPROVAL", 400;
    /// What a command is can't be changed.
    CommandFixed = "COMMAND_FIXED", 400;
    /// An entry's number is empty, or taken in its event.
    EntryNumber = "ENTRY_NUMBER", 400;
    /// An entry's device takes part in another event that is running.
    EntryDevice = "ENTRY_DEVICE", 400;
    /// An event's course lacks its start or its finish, or has them in the wrong order.
    EventCourse = "EVENT_COURSE", 400;
    /// An event's course was to be changed though it has crossings and is not under revision.
    CourseFixed = "COURSE_FIXED", 400;
    /// A device's protocol or model is not known.
    DeviceModel = "DEVICE_MODEL", 400;
    /// A device's token is too short or too long, or has characters that no header takes.
    DeviceToken = "DEVICE_TOKEN", 400;
    /// A profile sets a limit to what it can't be.
    ProfileLimit = "PROFILE_LIMIT", 400;
    /// The caller's role in the item's organization does not allow the change.
    TenancyRole = "TENANCY_ROLE", 403;
    /// An item points to what its organization does not have.
    TenancyReference = "TENANCY_REFERENCE", 400;
    /// Directus's own code: the caller may not see or do this. Says no more, on purpose.
    Forbidden = "FORBIDDEN", 403;
    /// Directus's own code: a required field is not given, or null.
    FailedValidation = "FAILED_VALIDATION", 400;
    /// Directus's own code: what should be an item is none.
    InvalidPayload = "INVALID_PAYLOAD", 400;
    /// A parameter of an endpoint or an option of an operation is not what it may be.
    ParameterInvalid = "PARAMETER_INVALID", 400;
    /// A parameter that has to be there is not.
    ParameterMissing = "PARAMETER_MISSING", 400;
    /// A parameter that the endpoint does not have.
    ParameterUnknown = "PARAMETER_UNKNOWN", 400;
    /// A range of time is empty or too long.
    RangeInvalid = "RANGE_INVALID", 400;
    /// More was asked for than one answer may hold.
    TooMuch = "TOO_MUCH", 400;
    /// What came is larger than a rule may be given.
    PayloadTooLarge = "PAYLOAD_TOO_LARGE", 413;
    /// A rule was called in a way that its host should not.
    RuleContract = "RULE_CONTRACT", 500;
    /// A rule crashed; the change was not made.
    RuleCrashed = "RULE_CRASHED", 500;
    /// Redis can't be asked just now.
    RedisAway = "REDIS_AWAY", 503;
    /// A message of the live channel is no JSON object of a known type.
    LiveMessage = "LIVE_MESSAGE", 400;
    /// No token came in time, or Directus does not accept it.
    LiveUnauthorized = "LIVE_UNAUTHORIZED", 401;
    /// The token ended.
    LiveTokenExpired = "LIVE_TOKEN_EXPIRED", 401;
    /// Directus shows nothing of the topic to this user.
    LiveForbidden = "LIVE_FORBIDDEN", 403;
    /// Too many subscriptions or connections.
    LiveLimit = "LIVE_LIMIT", 429;
    /// The client reads too slowly, or not at all, and would miss what may not be missed.
    LiveBehind = "LIVE_BEHIND", 408;
    /// Directus can't be asked just now.
    LiveDirectusAway = "LIVE_DIRECTUS_AWAY", 503;
    /// What was missed is no longer kept, or is too much to be told: read it through Directus.
    LiveCursor = "LIVE_CURSOR", 410;
    /// The hub does not speak that version of the protocol.
    LiveProtocol = "LIVE_PROTOCOL", 400;
    /// The database can't be asked for what was missed just now.
    LiveDatabaseAway = "LIVE_DATABASE_AWAY", 503;
    /// A device's bytes are no frame of its protocol.
    FrameMalformed = "FRAME_MALFORMED", 400;
    /// A frame's checksum is wrong.
    FrameChecksum = "FRAME_CHECKSUM", 400;
    /// A frame declares more bytes than a device may send.
    FrameTooLarge = "FRAME_TOO_LARGE", 413;
    /// A frame of a codec that this build does not read.
    FrameCodec = "FRAME_CODEC", 400;
    /// A schema snapshot holds nothing.
    SnapshotEmpty = "SNAPSHOT_EMPTY", 400;
    /// A schema snapshot is not valid YAML or JSON.
    SnapshotSyntax = "SNAPSHOT_SYNTAX", 400;
    /// A part that every schema snapshot has is missing.
    SnapshotIncomplete = "SNAPSHOT_INCOMPLETE", 400;
    /// A part of a schema snapshot is of the wrong kind.
    SnapshotShape = "SNAPSHOT_SHAPE", 400;
    /// A schema snapshot is of another database vendor.
    SnapshotVendor = "SNAPSHOT_VENDOR", 400;
    /// A schema snapshot is of another major version of Directus.
    SnapshotVersion = "SNAPSHOT_VERSION", 400;
    /// A schema snapshot has a collection, field or relation twice.
    SnapshotDuplicate = "SNAPSHOT_DUPLICATE", 400;
    /// A schema snapshot points to something that it lacks.
    SnapshotDangling = "SNAPSHOT_DANGLING", 400;
    /// A schema snapshot has a key that Directus does not know.
    SnapshotUnknownKey = "SNAPSHOT_UNKNOWN_KEY", 400;
    /// A snapshot's lineage has a line that is no hash.
    SnapshotLineage = "SNAPSHOT_LINEAGE", 400;
}

impl Serialize for ErrorCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl std::fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_errors_share_a_code() {
        let codes: HashSet<_> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(codes.len(), ErrorCode::ALL.len());
    }

    #[test]
    fn every_status_is_an_http_error() {
        for code in ErrorCode::ALL {
            assert!((400..600).contains(&code.status()), "{code}");
        }
    }
}
