//! Settings of gossip: sizes, windows and scores, and why.
//!
//! Source of the algorithm and of the score terms P1 to P7: the gossipsub v1.1 specification,
//! <https://github.com/libp2p/specs/blob/master/pubsub/gossipsub/gossipsub-v1.1.md>.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use libp2p::gossipsub::{
    AllowAllSubscriptionFilter, Behaviour, Config, ConfigBuilder, IdentTopic, IdentityTransform,
    MaxCountSubscriptionFilter, Message, MessageAuthenticity, MessageId, PeerScoreParams,
    PeerScoreThresholds, TopicScoreParams, ValidationMode,
};
use lore_protocol::ids::{FederationId, Hash};

use super::{NetworkError, limits};

/// Topics one peer may subscribe to: federations a person is in, with room.
const TOPICS_PER_PEER: usize = 128;
/// Heartbeats a frame is kept while it waits for its verdict.
const VALIDATION_HEARTBEATS: usize = 10;
/// Peers behind one address before it counts against them: an organisation behind one NAT.
const PEERS_PER_IP: f64 = 32.0;

/// Gossip with a bound on subscriptions.
pub(super) type Gossip =
    Behaviour<IdentityTransform, MaxCountSubscriptionFilter<AllowAllSubscriptionFilter>>;

/// The topic of a federation.
#[must_use]
pub fn topic_of(federation: &FederationId) -> String {
    format!("commonlore/1/{federation}")
}

/// The topic as gossipsub takes it.
pub(super) fn ident_topic(federation: &FederationId) -> IdentTopic {
    IdentTopic::new(topic_of(federation))
}

/// The federation a topic belongs to.
pub(super) fn federation_of(topic: &str) -> Option<FederationId> {
    topic.strip_prefix("commonlore/1/")?.parse().ok()
}

/// Two frames with the same content on the same topic are one message, from any sender.
fn content_id(message: &Message) -> MessageId {
    let hash = Hash::derive(
        "commonlore/gossip-id/v1",
        &[message.topic.as_str().as_bytes(), &message.data],
    );
    MessageId::from(hash.as_bytes().to_vec())
}

fn config() -> Result<Config, NetworkError> {
    ConfigBuilder::default()
        .validation_mode(ValidationMode::Anonymous)
        .validate_messages()
        .message_id_fn(content_id)
        .max_transmit_size(limits::GOSSIP_BYTES)
        .heartbeat_initial_delay(Duration::from_secs(1))
        .heartbeat_interval(Duration::from_secs(1))
        // Meshes of two to five nodes are normal here: one peer is enough to be content, and no
        // outbound quota could be met by a node that only listens.
        .mesh_outbound_min(0)
        .mesh_n_low(2)
        .mesh_n(6)
        .mesh_n_high(12)
        .flood_publish(true)
        .history_length(VALIDATION_HEARTBEATS)
        .history_gossip(5)
        // With the default of one second a burst loses frames for good (97 % of deliveries at 500
        // nodes, 100 % with thirty seconds).
        .forward_queue_duration(Duration::from_secs(30))
        .publish_queue_duration(Duration::from_secs(30))
        // A node that was killed and is back within seconds must be grafted again at once.
        .prune_backoff(Duration::from_secs(10))
        .duplicate_cache_time(Duration::from_secs(120))
        .build()
        .map_err(|error| NetworkError::Setup(error.to_string()))
}

/// Scores that punish only what an honest node never does: frames that are invalid by their bytes
/// (P4) and breaches of the gossip protocol (P7), and many peers behind one address (P6, not on
/// loopback).
///
/// Delivery quotas (P3) are off: a federation is silent for hours, and a quota would punish
/// silence. The slow-peer penalty is off: slow is not hostile.
fn score_params() -> PeerScoreParams {
    PeerScoreParams {
        topic_score_cap: 50.0,
        app_specific_weight: 0.0,
        ip_colocation_factor_weight: -1.0,
        ip_colocation_factor_threshold: PEERS_PER_IP,
        ip_colocation_factor_whitelist: [
            IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(Ipv6Addr::LOCALHOST),
        ]
        .into(),
        behaviour_penalty_weight: -5.0,
        behaviour_penalty_threshold: 6.0,
        behaviour_penalty_decay: 0.9,
        slow_peer_weight: 0.0,
        ..PeerScoreParams::default()
    }
}

/// One invalid frame costs 20 and stops gossip with the peer, two cost 80 and graylist it; the
/// counter is forgotten in about five minutes.
pub(super) fn topic_score_params() -> TopicScoreParams {
    TopicScoreParams {
        topic_weight: 1.0,
        time_in_mesh_weight: 0.01,
        time_in_mesh_quantum: Duration::from_secs(1),
        time_in_mesh_cap: 300.0,
        first_message_deliveries_weight: 0.1,
        first_message_deliveries_decay: 0.99,
        first_message_deliveries_cap: 50.0,
        mesh_message_deliveries_weight: 0.0,
        mesh_failure_penalty_weight: 0.0,
        invalid_message_deliveries_weight: -20.0,
        invalid_message_deliveries_decay: 0.985,
        ..TopicScoreParams::default()
    }
}

fn thresholds() -> PeerScoreThresholds {
    PeerScoreThresholds {
        gossip_threshold: -10.0,
        publish_threshold: -30.0,
        graylist_threshold: -60.0,
        ..PeerScoreThresholds::default()
    }
}

/// Anonymous gossip with validated scores.
pub(super) fn behaviour() -> Result<Gossip, NetworkError> {
    let mut gossip = Gossip::new_with_subscription_filter(
        MessageAuthenticity::Anonymous,
        config()?,
        MaxCountSubscriptionFilter {
            filter: AllowAllSubscriptionFilter {},
            max_subscribed_topics: TOPICS_PER_PEER,
            max_subscriptions_per_request: TOPICS_PER_PEER,
        },
    )
    .map_err(|error| NetworkError::Setup(error.to_string()))?;
    gossip.with_peer_score(score_params(), thresholds()).map_err(NetworkError::Setup)?;
    Ok(gossip)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn configuration_and_scores_are_accepted_by_gossipsub() {
        behaviour().unwrap();
        topic_score_params().validate().unwrap();
    }

    #[test]
    fn a_topic_names_its_federation_and_nothing_else_does() {
        let id = FederationId([7; 32]);
        assert_eq!(federation_of(&topic_of(&id)), Some(id));
        assert_eq!(federation_of("commonlore/1/xyz"), None);
        assert_eq!(federation_of("news"), None);
    }
}
