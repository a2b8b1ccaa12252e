// EapAuthenticator: the pass-through of one IKE SA: the client's EAP on one side, RADIUS on the
// other (RFC 3748 §2.3, RFC 7296 §2.16).
//
//     EapAuthenticator eap(settings, peer, *radius, our_spi.value());
//     eap.start(now);                       send_request (we ask for the identity) or waiting
//     eap.on_response(body of EAP, now);    waiting (RADIUS was asked), or failure
//     ... RadiusClient::take_progressed() names our_spi ...
//     eap.progress()                        send_request, success or failure
//
// In every state but `waiting`, `request()` is the EAP packet that belongs into our next message:
// a Request, the Success, or the Failure. A peer that breaks RFC 3748 ends the conversation: IKE
// has already proved who sent the octets, so they are no stranger's that could be passed over.
//
// After success msk() is what both AUTH payloads are made with, and `identity()` is whom policy and
// ticket mean. A method that makes no key is refused (RFC 7296 §2.16: SHOULD NOT be used).
// Sans I/O but for the client. The client must outlive it. Control thread only.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "controlplane/radius_client.h"

namespace cp {

// The same for all SAs of a connection.
struct EapSettings {
  std::string nas_identifier = "resurge";
  std::optional<Address> nas_address;
  // Empty: the client is asked who it is. Otherwise the server is told this, and the client's first
  // packet is already the method's.
  std::string identity;
  // What an EAP packet may have so that its IKE message is no fragment at an MTU of 1280 octets.
  std::uint32_t framed_mtu = 1100;
  std::uint32_t rounds_max = 50;            // requests to RADIUS
  std::uint64_t duration_max_ms = 120'000;  // from start to the client's last response
};

struct EapPeer {
  std::string calling_station_id;  // "192.0.2.7[4500]"
  std::string called_station_id;   // our end, likewise
};

class EapAuthenticator final : public RadiusReceiver {
 public:
  enum class Progress : std::uint8_t { waiting, send_request, success, failure };
  // Why it failed, for counters and the log; the client is told the EAP Failure alone.
  enum class Failure : std::uint8_t {
    none,
    rejected,     // by the server
    no_server,    // answered in time, or had room
    malformed,    // the client's packet is none, or the answer to another one
    no_identity,  // empty, or longer than a User-Name
    too_long,     // too many rounds, octets or seconds
    bad_server,   // an answer that is none to EAP
    no_key,       // accepted without MSK
  };

  EapAuthenticator(const EapSettings& settings, EapPeer peer, RadiusClient& client,
                   std::uint64_t token);
  ~EapAuthenticator();
  EapAuthenticator(const EapAuthenticator&) = delete;
  EapAuthenticator& operator=(const EapAuthenticator&) = delete;

  void start(std::uint64_t now_ms);
  // The body of the client's EAP payload. Only in `send_request`; anything else is a failure.
  void on_response(crypto::Bytes eap, std::uint64_t now_ms);

  Progress progress() const { return progress_; }
  Failure failure() const { return failure_; }
  crypto::Bytes request() const { return request_; }

  // What the client called itself, or EapSettings::identity. Proved after success only.
  const std::string& identity() const { return identity_; }
  // After success:
  crypto::Bytes msk() const { return answer_.msk.reveal(); }
  std::optional<ike::Ip4> framed_ip4() const { return answer_.framed_ip4; }
  std::optional<ike::Ip6> framed_ip6() const { return answer_.framed_ip6; }
  std::optional<std::uint32_t> session_timeout_s() const { return answer_.session_timeout_s; }
  const std::vector<std::vector<std::uint8_t>>& classes() const { return answer_.classes; }

  void on_radius(RadiusAnswer* answer, std::size_t server, std::uint64_t now_ms) override;

 private:
  void ask_server(std::vector<std::uint8_t> eap, std::uint64_t now_ms);
  void pass_on(RadiusAnswer& challenge);
  void succeed(RadiusAnswer& accept);
  void fail(Failure why);

  const EapSettings settings_;
  const EapPeer peer_;
  RadiusClient& client_;
  const std::uint64_t token_;
  Progress progress_ = Progress::waiting;
  Failure failure_ = Failure::none;
  std::vector<std::uint8_t> request_;
  std::string identity_;
  std::uint8_t identifier_ = 0;  // of the last packet towards the client
  bool identity_asked_ = false;  // and not yet answered
  std::uint32_t rounds_ = 0;
  std::uint64_t started_ms_ = 0;
  std::size_t server_ = RadiusClient::kAnyServer;
  RadiusClient::RequestId pending_ = 0;
  std::vector<std::uint8_t> state_;
  RadiusAnswer answer_;
};

const char* eap_failure_text(EapAuthenticator::Failure failure);

}  // namespace cp
