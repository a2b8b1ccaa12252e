// Initiator: a crowd of clients that resume their sessions.
//
// Each client does both exchanges of RFC 5723 §4.3 and checks what comes back:
//
//   message 1 -> [COOKIE -> message 1 with it first ->] message 2 -> message 3 -> message 4
//
// A client is resumed when the ICV of message 4, IDr, the gateway's AUTH in the configured form and
// the Child SA are right. Answers that are not authentic (wrong ICV, unreadable, unknown SPI) are
// counted and not believed; the exception is TICKET_NACK and error notifies to message 1, which
// nobody can authenticate (RFC 5723 §4.3.2). With `dpd` the SK_e and SK_a of each session are kept.
#pragma once

#include <memory>
#include <span>

#include "crypto/base/error.h"
#include "crypto/engine.h"
#include "dataplane/arena.h"
#include "ike/auth_exchange.h"
#include "ike/auth_value.h"
#include "ike/resume.h"
#include "tools/storm/crowd.h"
#include "tools/storm/endpoints.h"
#include "tools/storm/protected_lanes.h"
#include "tools/storm/ticket_bag.h"

namespace storm {

// `clients`: the first so many of the bag.
struct InitiatorConfig : CrowdConfig {
  ike::AuthForm auth_form = ike::AuthForm::rfc;
  ike::Suite child_suite;
  bool fragmentation = false;  // announce IKEV2_FRAGMENTATION_SUPPORTED
  bool ticket_request = true;  // ask for a new ticket
  bool dpd = false;            // afterwards one empty INFORMATIONAL on every session
  const EndpointSource* nat_detection = nullptr;  // null: no NAT_DETECTION_*
};

class Initiator final : public Crowd {
 public:
  // Errors: more clients than records in the bag, no memory. All references outlive the initiator.
  static crypto::Result<std::unique_ptr<Initiator>> make(const InitiatorConfig& config,
                                                         const TicketBag& bag,
                                                         crypto::Engine& engine,
                                                         crypto::Random& random,
                                                         SessionSink* sink = nullptr);
  ~Initiator() override;

  // Every client has an outcome, and DPD is over.
  bool done() const override;
  void give_up() override;
  const Histogram& dpd_latency() const { return *dpd_latency_; }  // ns

 private:
  struct Batch;
  Initiator(const InitiatorConfig& config, const TicketBag& bag, crypto::Engine& engine,
            crypto::Random& random, SessionSink* sink);
  crypto::Status allocate();

  void write_message1(Flight& f, crypto::Bytes cookie) override;
  void expect(std::uint32_t client) override { bag_.prefetch(client); }

  // initiator_answers.cc: what arrives.
  void begin_burst() override;
  void take_answer(Flight& f, crypto::Bytes message, const ike::Header& header) override;
  void end_burst(std::uint64_t now_ns) override;
  void take_resume_answer(Flight& f, crypto::Bytes message);
  void take_protected(Flight& f, crypto::Bytes message, const ike::Header& header);
  void write_messages3();
  void open_protected(std::uint64_t now_ns);
  void take_auth_answer(Flight& f, const OpenLane& lane, std::uint64_t now_ns);
  Outcome judge(const Flight& f, const Credential& old, const ike::AuthAnswer& answer,
                ike::EspSpi& child_spi) const;
  void accept(Flight& f, const Credential& old, const ike::AuthAnswer& answer,
              ike::EspSpi child_spi, std::uint64_t now_ns);

  // initiator_dpd.cc: the INFORMATIONAL afterwards.
  void keep_for_dpd(const Flight& f, const ike::Suite& suite);
  std::size_t start_more(std::uint64_t now_ns, std::span<Outgoing> out) override;
  void take_dpd_answer(Flight& f, const OpenLane& lane, std::uint64_t now_ns);
  void lapse(Flight& f) override;

  const InitiatorConfig config_;
  const TicketBag& bag_;
  crypto::Engine& engine_;
  FlightCrypto crypto_;
  ProtectedLanes lanes_;
  const ChildOffer child_;
  dp::Arena dpd_arena_;
  std::unique_ptr<Batch> batch_;
  std::size_t dpd_stride_ = 0;
  std::uint32_t next_dpd_ = 0, dpd_finished_ = 0;
  std::uint64_t dpd_epoch_ns_ = 0;  // its schedule counts from here
  std::unique_ptr<Histogram> dpd_latency_;
};

}  // namespace storm
