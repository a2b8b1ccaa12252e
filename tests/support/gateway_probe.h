// GatewayProbe: a GatewayRig under test by single messages: what comes back, which drops were
// counted, and whether the gateway is as sound afterwards as it was before.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "ike/ticket.h"
#include "tests/support/gateway_rig.h"
#include "tests/support/scalar_client.h"

namespace dp {
// For gtest.
inline void PrintTo(Drop reason, std::ostream* out) { *out << drop_name(reason); }
}  // namespace dp

namespace rig {

// Where a ticket departs from one that the gateway honours. Null functions change nothing.
struct TicketEdit {
  std::function<void(ike::TicketState&)> state;
  std::function<void(ike::TicketHeader&)> header;  // issuer and serial; the tag is right
  std::function<void(Octets&)> sealed;             // afterwards: the tag is not
  const crypto::TicketKey* key = nullptr;          // instead of the current one
  ike::Suite suite;
  std::size_t id_len = 24;
  bool ip4 = true, ip6 = false;
};

// What one or more frames led to.
struct Reaction {
  std::vector<Octets> answers;      // IKE messages, in the order sent
  std::vector<dp::Packet> packets;  // the same with their headers
  std::map<dp::Drop, unsigned> drops;
  // The single drop reason; none when there was not exactly one.
  dp::Drop drop() const {
    return drops.size() == 1 && drops.begin()->second == 1 ? drops.begin()->first : dp::Drop::none;
  }
  bool silent() const { return answers.empty(); }
  // The TICKET_NACK and nothing else.
  bool is_nack() const;
  std::string describe() const;
};

// A client whose exchange went well up to here, with what the gateway said.
struct Resumed {
  ScalarClient client;
  std::optional<RawMessage> message4;
  std::string complaint;  // empty: resumed
};

class GatewayProbe {
 public:
  explicit GatewayProbe(const Options& options = {});

  GatewayRig gateway;
  dp::PacketBuilder path;  // from the clients; edit for other addresses and ports

  // A ticket of a distinct client; the n-th call has the n-th identity, SK_d and address.
  Keepsake keepsake(const TicketEdit& edit = {});
  ScalarClient client(const TicketEdit& edit = {}) { return ScalarClient(keepsake(edit), ++seed_); }
  ScalarClient client_of(Keepsake kept) { return ScalarClient(std::move(kept), ++seed_); }

  // One message in one frame to worker `w`; or many in one burst.
  Reaction send(crypto::Bytes message, unsigned w = 0);
  Reaction send_all(const std::vector<Octets>& messages, unsigned w = 0);
  Reaction send_frame(crypto::Bytes frame, unsigned w = 0);
  // Runs the workers and takes what they send.
  Reaction run();

  // Sends message 1 as it is, returns the message 2 taken. Answers a COOKIE challenge.
  [[nodiscard]] bool open(ScalarClient& client, unsigned w = 0);
  [[nodiscard]] bool open(ScalarClient& client, Octets message1, unsigned w = 0);
  // Message 3 and message 4; the text says what is wrong.
  Resumed finish(ScalarClient client, ike::AuthForm form = ike::AuthForm::rfc, unsigned w = 0);
  Resumed resume(const TicketEdit& edit = {}, ike::AuthForm form = ike::AuthForm::rfc);

  // The control thread's side of the seam. An order for worker `w`, obeyed with its next burst.
  struct Letter {
    dp::OrderKind kind = dp::OrderKind::transmit;
    std::uint64_t spi_r = 0;
    Octets message = {};
  };
  void order(const Letter& letter, unsigned w = 0) { order(letter, way(), w); }
  void order(const Letter& letter, const dp::PeerPath& path, unsigned w = 0);
  // The way to the client at the other end of `path`.
  dp::PeerPath way() const;

  // A question for worker `w`, answered with its next burst.
  void question(dp::OrderKind kind, const dp::Question& question, unsigned w = 0);
  // The answer that waits, read and given back; null when there is none.
  std::unique_ptr<dp::Report> take_report(unsigned w = 0);
  // Letters of worker `w`, oldest first; read and given back.
  struct Punted {
    dp::PuntKind kind = dp::PuntKind::message;
    std::uint64_t spi_i = 0, spi_r = 0;
    std::uint32_t child_in = 0;
    dp::PeerPath path;
    Octets message;
    std::shared_ptr<dp::AdoptedSa> sa;  // of adopted
  };
  std::vector<Punted> take_punts(unsigned w = 0);
  // Letters until the ring has room for `left` more.
  void fill_punts(unsigned left = 0, unsigned w = 0);
  // An IKE_SA_INIT request: SA, KE and nonce, their insides random.
  RawMessage sa_init();
  // A message of an IKE SA that the control thread has.
  Octets control_message(std::uint8_t flags = 0x08, std::uint32_t message_id = 1);

  // Lets `ms` pass, with upkeep.
  void pass(std::uint64_t ms);
  std::uint64_t half_opens() { return gateway.sum(&dp::WorkerCounters::half_opens); }
  std::uint64_t sessions() { return gateway.sum(&dp::WorkerCounters::sessions); }
  // Empty when all is well: frames conserved, a resumption with a fresh ticket works, and no
  // half-open session is left after the timeout.
  std::string complaint();

 private:
  std::map<dp::Drop, unsigned> drops_now() const;
  std::uint64_t seed_ = 0;
  std::uint32_t minted_ = 0;
};

}  // namespace rig
