// Connector: a crowd of clients that make sessions by full handshakes (RFC 7296 §1.2) with a
// pre-shared key.
//
//   IKE_SA_INIT -> [COOKIE, INVALID_KE_PAYLOAD -> again ->] message 2 -> IKE_AUTH -> message 4
//
// A client is connected when the ICV of message 4, the gateway's AUTH, its identity (if one was
// asked for) and the Child SA are right. It asks for an address and for a ticket (RFC 5723 §4.1);
// what it got goes to the sink, and with it a client can come back as one of an Initiator.
//
// Answers that are not authentic are counted and not believed, but for refusals of IKE_SA_INIT,
// which nobody can authenticate. Key pairs and g^ir are made one by one on this core
// (tools/storm/key_pairs.h), everything else in batches.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "crypto/engine.h"
#include "tools/storm/client_identity.h"
#include "tools/storm/crowd.h"
#include "tools/storm/endpoints.h"
#include "tools/storm/handshake_crypto.h"
#include "tools/storm/key_pairs.h"
#include "tools/storm/protected_lanes.h"

namespace storm {

struct ConnectorConfig : CrowdConfig {
  std::vector<ike::Suite> ike_suites;  // best first; the group of the first is sent
  ike::Suite child_suite;
  std::string id_r;            // body of the identity asked for; empty = any
  std::uint32_t reuse_ke = 1;  // clients that use one key pair
  bool fragmentation = false;  // announce IKEV2_FRAGMENTATION_SUPPORTED
  bool ticket_request = true;
  const EndpointSource* nat_detection = nullptr;  // null: no NAT_DETECTION_*
};

class Connector final : public Crowd {
 public:
  // Errors: no clients, no proposals, a group that OpenSSL lacks, no memory. All references outlive
  // the connector; the PSK is not kept.
  static crypto::Result<std::unique_ptr<Connector>> make(const ConnectorConfig& config,
                                                         const ClientIdentity& identity,
                                                         crypto::Bytes psk, crypto::Engine& engine,
                                                         crypto::Random& random,
                                                         SessionSink* sink = nullptr);
  ~Connector() override;

 private:
  struct Handshake;
  struct Batch;
  Connector(const ConnectorConfig& config, const ClientIdentity& identity, crypto::Bytes psk,
            crypto::Engine& engine, crypto::Random& random, SessionSink* sink);

  Handshake& handshake_of(const Flight& f);
  void write_message1(Flight& f, crypto::Bytes cookie) override;

  // connector_answers.cc: what arrives.
  void begin_burst() override;
  void take_answer(Flight& f, crypto::Bytes message, const ike::Header& header) override;
  void end_burst(std::uint64_t now_ns) override;
  void take_init_answer(Flight& f, crypto::Bytes message);
  void take_wanted_group(Flight& f, ike::KeId wanted);
  void take_protected(Flight& f, crypto::Bytes message, const ike::Header& header);
  void write_messages3();
  void open_protected();
  void sort_opened(Flight& f, const OpenLane& lane);
  void judge_opened(std::uint64_t now_ns);
  void accept(Flight& f, const ike::AuthAnswer& answer, ike::EspSpi child_spi,
              std::uint64_t now_ns);

  const ConnectorConfig config_;
  const ClientIdentity& identity_;
  crypto::Engine& engine_;
  FlightCrypto crypto_;
  ProtectedLanes lanes_;
  HandshakeCrypto handshake_crypto_;
  const ChildOffer child_;
  KeyPairs keys_;
  std::vector<Handshake> handshakes_;  // by place
  std::unique_ptr<Batch> batch_;
};

}  // namespace storm
