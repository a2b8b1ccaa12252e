// Fuzzes RADIUS answers: as they come, and signed, so that what is behind the signatures is read.
#include "controlplane/radius_packet.h"

#include "tests/support/radius_peer.h"

namespace {

constexpr std::uint8_t kSecret[] = {'s', 'e', 'c', 'r', 'e', 't'};

cp::RadiusExchange exchange(std::uint8_t id) {
  return {.id = id, .authenticator = {1, 2, 3}, .secret = kSecret};
}

void check_answer(const cp::RadiusAnswer& answer, std::size_t packet_len) {
  CHECK(answer.eap.size() + answer.state.size() + answer.reply_message.size() < packet_len);
  CHECK(answer.msk.empty() || answer.msk.size() >= cp::kMskLen);
  if (answer.code == cp::RadiusCode::access_accept) return;
  CHECK(answer.msk.empty() && answer.classes.empty() && answer.user_name.empty());
  CHECK(!answer.framed_ip4 && !answer.framed_ip6 && !answer.session_timeout_s);
}

// The first octet is the code, the rest are attributes.
void check_signed(crypto::Bytes octets) {
  if (octets.empty() || octets.size() > cp::kRadiusPacketMax - 64) return;
  support::RadiusAnswerBuilder builder(static_cast<cp::RadiusCode>(octets[0]), exchange(7));
  const support::Octets packet = builder.raw(octets.subspan(1)).sign();
  cp::RadiusAnswer answer;
  const cp::RadiusFault fault = cp::parse_radius_answer(packet, exchange(7), answer);
  CHECK(fault != cp::RadiusFault::forged && fault != cp::RadiusFault::other_request);
  if (fault != cp::RadiusFault::none) return;
  check_answer(answer, packet.size());
  // What an answer carries fits into the next request, or is refused as a whole.
  const cp::RadiusRequest next{.user_name = "u", .state = answer.state, .eap = answer.eap};
  support::Octets buffer(cp::kRadiusPacketMax);
  const std::size_t len = cp::write_access_request(next, exchange(8), buffer);
  CHECK(len == crypto::load_be16(buffer.data() + 2) || len == 0);
  // A signature is worth nothing for another request.
  CHECK(cp::parse_radius_answer(packet, exchange(8), answer) == cp::RadiusFault::other_request);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t len) {
  cp::RadiusAnswer answer;
  if (cp::parse_radius_answer({octets, len}, exchange(7), answer) == cp::RadiusFault::none)
    check_answer(answer, len);
  check_signed({octets, len});
  return 0;
}
