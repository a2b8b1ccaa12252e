// Carries EAP packets between a client and RADIUS servers, and keeps what the last answer grants.
#include "controlplane/eap_authenticator.h"

#include <algorithm>
#include <utility>

namespace cp {
namespace {

using crypto::Bytes;

// RFC 3748 §4, §5.
enum class EapCode : std::uint8_t { request = 1, response = 2, success = 3, failure = 4 };
constexpr std::uint8_t kTypeIdentity = 1;
constexpr std::size_t kHeaderLen = 4;  // code, identifier, length

std::vector<std::uint8_t> make_packet(EapCode code, std::uint8_t identifier, Bytes body) {
  std::vector<std::uint8_t> packet(kHeaderLen + body.size());
  crypto::ByteWriter writer(packet);
  writer.u8(static_cast<std::uint8_t>(code));
  writer.u8(identifier);
  writer.be16(static_cast<std::uint16_t>(packet.size()));
  writer.bytes(body);
  return packet;
}

// One whole EAP packet: code, length that is the length, and a type where one has to be.
bool is_packet(Bytes packet, EapCode code) {
  if (packet.size() < kHeaderLen || packet[0] != static_cast<std::uint8_t>(code)) return false;
  if (crypto::load_be16(packet.data() + 2) != packet.size()) return false;
  const bool typed = code == EapCode::request || code == EapCode::response;
  return typed ? packet.size() > kHeaderLen : packet.size() == kHeaderLen;
}

std::vector<std::uint8_t> identity_body(std::string_view identity) {
  std::vector<std::uint8_t> body{kTypeIdentity};
  body.insert(body.end(), identity.begin(), identity.end());
  return body;
}

}  // namespace

EapAuthenticator::EapAuthenticator(const EapSettings& settings, EapPeer peer, RadiusClient& client,
                                   std::uint64_t token)
    : settings_(settings), peer_(std::move(peer)), client_(client), token_(token) {}

EapAuthenticator::~EapAuthenticator() { client_.cancel(pending_); }

void EapAuthenticator::start(std::uint64_t now_ms) {
  started_ms_ = now_ms;
  // RFC 3748 §4.1: the first Identifier SHOULD be random; the token is.
  identifier_ = static_cast<std::uint8_t>(token_);
  if (settings_.identity.empty()) {
    identity_asked_ = true;
    request_ = make_packet(EapCode::request, identifier_, identity_body(""));
    progress_ = Progress::send_request;
    return;
  }
  // RFC 3579 §2.1: the authenticator may know already who it is.
  identity_ = settings_.identity;
  if (identity_.size() > kRadiusAttributeMax) return fail(Failure::no_identity);
  ask_server(make_packet(EapCode::response, identifier_, identity_body(identity_)), now_ms);
}

void EapAuthenticator::on_response(Bytes eap, std::uint64_t now_ms) {
  if (progress_ == Progress::success || progress_ == Progress::failure) return;
  // RFC 3748 §4.1: the Identifier of a Response MUST match that of the Request.
  if (progress_ != Progress::send_request || !is_packet(eap, EapCode::response) ||
      eap[1] != identifier_)
    return fail(Failure::malformed);
  if (now_ms - started_ms_ > settings_.duration_max_ms) return fail(Failure::too_long);
  if (identity_asked_) {
    // RFC 3748 §5.1: nothing but an Identity, not even a Nak, answers it.
    if (eap[kHeaderLen] != kTypeIdentity) return fail(Failure::malformed);
    const Bytes identity = eap.subspan(kHeaderLen + 1);
    if (identity.empty() || identity.size() > kRadiusAttributeMax)
      return fail(Failure::no_identity);
    identity_.assign(identity.begin(), identity.end());
    identity_asked_ = false;
  }
  ask_server({eap.begin(), eap.end()}, now_ms);
}

void EapAuthenticator::ask_server(std::vector<std::uint8_t> eap, std::uint64_t now_ms) {
  if (rounds_ == settings_.rounds_max || eap.size() > kRadiusPacketMax)
    return fail(Failure::too_long);
  ++rounds_;
  RadiusRequest request;
  request.user_name = identity_;
  request.nas_identifier = settings_.nas_identifier;
  request.nas_address = settings_.nas_address;
  request.calling_station_id = peer_.calling_station_id;
  request.called_station_id = peer_.called_station_id;
  request.framed_mtu = settings_.framed_mtu;
  request.state = std::exchange(state_, {});
  request.eap = std::move(eap);
  const auto id = client_.submit(std::move(request), server_, *this, token_, now_ms);
  if (!id) return fail(Failure::no_server);
  pending_ = *id;
  request_.clear();
  progress_ = Progress::waiting;
}

void EapAuthenticator::on_radius(RadiusAnswer* answer, std::size_t server, std::uint64_t) {
  pending_ = 0;
  if (answer == nullptr) return fail(Failure::no_server);
  server_ = server;
  // RFC 3579 §2.6.3: the RADIUS packet decides, and EAP that contradicts it is not repaired.
  switch (answer->code) {
    case RadiusCode::access_challenge:
      return pass_on(*answer);
    case RadiusCode::access_accept:
      return succeed(*answer);
    case RadiusCode::access_reject:
      return fail(Failure::rejected);
    case RadiusCode::access_request:
      return fail(Failure::bad_server);
  }
}

void EapAuthenticator::pass_on(RadiusAnswer& challenge) {
  if (!is_packet(challenge.eap, EapCode::request)) return fail(Failure::bad_server);
  identifier_ = challenge.eap[1];
  state_ = std::move(challenge.state);
  request_ = std::move(challenge.eap);
  progress_ = Progress::send_request;
}

void EapAuthenticator::succeed(RadiusAnswer& accept) {
  // RFC 3748 §4.2: the Success has the Identifier of the Response that it answers.
  if (!is_packet(accept.eap, EapCode::success) || accept.eap[1] != identifier_)
    return fail(Failure::bad_server);
  if (accept.msk.empty()) return fail(Failure::no_key);
  request_ = std::move(accept.eap);
  answer_ = std::move(accept);
  progress_ = Progress::success;
}

// The Failure is ours: the server may have sent none, and it says no more than this one.
void EapAuthenticator::fail(Failure why) {
  client_.cancel(std::exchange(pending_, 0));
  request_ = make_packet(EapCode::failure, identifier_, {});
  progress_ = Progress::failure;
  failure_ = why;
}

const char* eap_failure_text(EapAuthenticator::Failure failure) {
  using enum EapAuthenticator::Failure;
  switch (failure) {
    case none:
      return "not failed";
    case rejected:
      return "the RADIUS server rejected the client";
    case no_server:
      return "no RADIUS server answered";
    case malformed:
      return "the client's EAP packet does not answer the request";
    case no_identity:
      return "the EAP identity is empty or too long";
    case too_long:
      return "EAP takes too many rounds, octets or seconds";
    case bad_server:
      return "the RADIUS server's answer is none to EAP";
    case no_key:
      return "the EAP method made no key";
  }
  return "?";
}

}  // namespace cp
