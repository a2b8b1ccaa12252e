// RADIUS packets against recorded answers of FreeRADIUS, and against everything that is wrong.
#include "controlplane/radius_packet.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/radius_peer.h"
#include "tests/support/vector_blocks.h"

namespace cp {
namespace {

using support::from_hex;
using support::Octets;
using support::RadiusAnswerBuilder;
using support::to_hex;

const std::string kSecret = "a shared secret";

RadiusExchange exchange() {
  static const Octets secret(kSecret.begin(), kSecret.end());
  return {.id = 9,
          .authenticator = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
          .secret = secret};
}

RadiusFault parse(const Octets& packet, RadiusAnswer& out) {
  return parse_radius_answer(packet, exchange(), out);
}

RadiusFault fault_of(const Octets& packet) {
  RadiusAnswer ignored;
  return parse(packet, ignored);
}

RadiusAnswerBuilder accept() { return {RadiusCode::access_accept, exchange()}; }

support::RadiusQuestion write(const RadiusRequest& request) {
  Octets buffer(kRadiusPacketMax);
  buffer.resize(write_access_request(request, exchange(), buffer));
  return {.octets = buffer};
}

std::string text_of(const Octets& octets) { return {octets.begin(), octets.end()}; }

RadiusRequest whole_request() {
  return {.user_name = "alice",
          .nas_identifier = "gw",
          .nas_address = ike::Ip4{192, 0, 2, 1},
          .calling_station_id = "198.51.100.7[4500]",
          .called_station_id = "192.0.2.1[4500]",
          .framed_mtu = 1100,
          .state = {7, 7},
          .eap = Octets(600, 0x5a)};
}

TEST(RadiusPacket, RequestSaysWhoAsks) {
  const support::RadiusQuestion question = write(whole_request());
  EXPECT_EQ(question.octets[0], 1);
  EXPECT_EQ(question.octets[1], 9);
  EXPECT_EQ(to_hex(crypto::Bytes(question.octets).subspan(4, 16)),
            "0102030405060708090a0b0c0d0e0f10");
  EXPECT_EQ(text_of(*question.attribute(1)), "alice");
  EXPECT_EQ(text_of(*question.attribute(32)), "gw");
  EXPECT_EQ(to_hex(*question.attribute(4)), "c0000201");
  EXPECT_EQ(to_hex(*question.attribute(6)), "00000002");   // Service-Type: Framed
  EXPECT_EQ(to_hex(*question.attribute(61)), "00000005");  // NAS-Port-Type: Virtual
  EXPECT_EQ(to_hex(*question.attribute(12)), "0000044c");
  EXPECT_EQ(text_of(*question.attribute(31)), "198.51.100.7[4500]");
  EXPECT_EQ(text_of(*question.attribute(30)), "192.0.2.1[4500]");
  EXPECT_EQ(to_hex(*question.attribute(24)), "0707");
  EXPECT_EQ(*question.attribute(79), Octets(600, 0x5a));  // RFC 3579 §3.1: in three pieces
  EXPECT_EQ(std::ranges::count(question.octets, 79), 3);
}

// RFC 3579 §3.2; in front because of CVE-2024-3596.
TEST(RadiusPacket, RequestHasItsMessageAuthenticatorFirst) {
  const support::RadiusQuestion question = write(whole_request());
  EXPECT_EQ(question.first_type(), 80);
  EXPECT_TRUE(question.is_right(kSecret));
  EXPECT_FALSE(question.is_right("another secret"));
}

TEST(RadiusPacket, RequestLeavesOutWhatIsNotKnown) {
  const support::RadiusQuestion question = write({.user_name = "a", .nas_address = ike::Ip6{0x20}});
  for (const int type : {4, 12, 24, 30, 31, 32, 79})
    EXPECT_FALSE(question.attribute(static_cast<std::uint8_t>(type))) << type;
  EXPECT_EQ(question.attribute(95)->size(), 16u);  // NAS-IPv6-Address
}

TEST(RadiusPacket, RequestIsRefusedWhenItDoesNotFit) {
  Octets buffer(2 * kRadiusPacketMax);
  RadiusRequest request{.user_name = std::string(253, 'u')};
  EXPECT_GT(write_access_request(request, exchange(), buffer), 0u);
  request.user_name += 'u';
  EXPECT_EQ(write_access_request(request, exchange(), buffer), 0u);
  request = {.user_name = "a", .eap = Octets(3900)};
  EXPECT_GT(write_access_request(request, exchange(), buffer), 0u);
  request.eap.resize(4096);
  EXPECT_EQ(write_access_request(request, exchange(), buffer), 0u);
  EXPECT_EQ(
      write_access_request({.user_name = "a"}, exchange(), crypto::MutBytes(buffer).first(40)), 0u);
}

TEST(RadiusPacket, ReadsWhatFreeRadiusAnswers) {
  for (const support::VectorBlock& v : support::load_blocks("radius.txt")) {
    SCOPED_TRACE(v.text("case"));
    const Octets packet = v.octets("answer"), secret = v.octets("secret");
    RadiusExchange recorded{.id = packet[1], .authenticator = {}, .secret = secret};
    std::ranges::copy(v.octets("authenticator"), recorded.authenticator.begin());
    RadiusAnswer answer;
    ASSERT_EQ(parse_radius_answer(packet, recorded, answer), RadiusFault::none);
    EXPECT_EQ(answer.eap, v.octets("eap"));
    EXPECT_EQ(answer.state, v.octets("state"));
    const bool accepted = answer.code == RadiusCode::access_accept;
    ASSERT_EQ(accepted, v.values.contains("msk"));
    if (accepted) {
      EXPECT_EQ(to_hex(answer.msk.reveal()), v.text("msk"));
      EXPECT_EQ(answer.user_name, v.text("user"));
    }
    if (!v.values.contains("ip4")) continue;
    EXPECT_EQ(to_hex(answer.framed_ip4.value()), v.text("ip4"));
    EXPECT_EQ(to_hex(answer.framed_ip6.value()), v.text("ip6"));
    EXPECT_EQ(answer.session_timeout_s, 600u);
    ASSERT_EQ(answer.classes.size(), 1u);
    EXPECT_EQ(answer.classes[0], v.octets("class"));
  }
}

// RFC 2865 §7.1 is older than Message-Authenticator: its Response Authenticator is right, and it is
// refused all the same.
TEST(RadiusPacket, RefusesTheUnprotectedExampleOfTheRfc) {
  const std::string text = "xyzzy5461";
  const Octets secret(text.begin(), text.end());
  RadiusExchange old{.id = 0, .authenticator = {}, .secret = secret};
  std::ranges::copy(from_hex("0f403f9473978057bd83d5cb98f4227a"), old.authenticator.begin());
  Octets packet = from_hex(
      "0200002686fe220e7624ba2a1005f6bf9b55e0b2"
      "0606000000010f06000000000e06c0a80103");
  RadiusAnswer answer;
  EXPECT_EQ(parse_radius_answer(packet, old, answer), RadiusFault::unprotected);
  packet.back() ^= 1;
  EXPECT_EQ(parse_radius_answer(packet, old, answer), RadiusFault::forged);
}

TEST(RadiusPacket, RefusesAnswersThatAreNotToThisRequest) {
  const Octets packet = accept().sign();
  RadiusAnswer answer;
  EXPECT_EQ(parse(packet, answer), RadiusFault::none);
  RadiusExchange other = exchange();
  other.id = 10;
  EXPECT_EQ(parse_radius_answer(packet, other, answer), RadiusFault::other_request);
  other = exchange();
  other.authenticator[15] ^= 1;
  EXPECT_EQ(parse_radius_answer(packet, other, answer), RadiusFault::forged);
  const Octets secret{'x'};
  other = exchange();
  other.secret = secret;
  EXPECT_EQ(parse_radius_answer(packet, other, answer), RadiusFault::forged);
}

TEST(RadiusPacket, RefusesEveryOctetThatWasChanged) {
  const Octets packet = accept().eap(from_hex("03090004")).add(27, Octets{0, 0, 0, 9}).sign();
  for (std::size_t i = 0; i < packet.size(); ++i) {
    Octets changed = packet;
    changed[i] ^= 1;
    EXPECT_NE(fault_of(changed), RadiusFault::none) << i;
  }
}

// An attacker who finds an MD5 collision has no HMAC for it (CVE-2024-3596).
TEST(RadiusPacket, DemandsOneRightMessageAuthenticator) {
  EXPECT_EQ(fault_of(accept().unprotected()), RadiusFault::unprotected);
  EXPECT_EQ(fault_of(accept().add(80, Octets(16)).unprotected()), RadiusFault::forged);
  EXPECT_EQ(fault_of(accept().add(80, Octets(16)).sign()), RadiusFault::unprotected);
  EXPECT_EQ(fault_of(accept().add(80, Octets(15)).unprotected()), RadiusFault::malformed);
}

TEST(RadiusPacket, RefusesLengthsThatDoNotAddUp) {
  EXPECT_EQ(fault_of({}), RadiusFault::malformed);
  EXPECT_EQ(fault_of(Octets(19)), RadiusFault::malformed);
  EXPECT_EQ(fault_of(accept().raw(Octets{18}).sign()), RadiusFault::malformed);
  EXPECT_EQ(fault_of(accept().raw(Octets{18, 0}).sign()), RadiusFault::malformed);
  EXPECT_EQ(fault_of(accept().raw(Octets{18, 1}).sign()), RadiusFault::malformed);
  EXPECT_EQ(fault_of(accept().raw(Octets{18, 3}).sign()), RadiusFault::malformed);
  EXPECT_EQ(fault_of(accept().raw(Octets{18, 2}).sign()), RadiusFault::none);
  Octets cut = accept().sign();
  cut.pop_back();
  EXPECT_EQ(fault_of(cut), RadiusFault::malformed);
  Octets longer = accept().sign();
  longer.push_back(0);  // RFC 2865 §3: octets outside of Length are padding and MUST be ignored
  EXPECT_EQ(fault_of(longer), RadiusFault::none);
}

TEST(RadiusPacket, RefusesWhatIsNoAnswer) {
  for (const int code : {0, 1, 4, 5, 12, 40, 255}) {
    const RadiusAnswerBuilder other(static_cast<RadiusCode>(code), exchange());
    EXPECT_EQ(fault_of(RadiusAnswerBuilder(other).sign()), RadiusFault::malformed) << code;
  }
}

TEST(RadiusPacket, GrantsComeWithAnAcceptAlone) {
  for (const RadiusCode code : {RadiusCode::access_challenge, RadiusCode::access_reject}) {
    RadiusAnswer answer;
    RadiusAnswerBuilder builder(code, exchange());
    builder.add(1, "bob").add(8, Octets{10, 0, 0, 1}).add(25, "c").add(27, Octets{0, 0, 0, 1});
    builder.msk(Octets(64, 1)).add(18, "hello ").add(18, "you");
    ASSERT_EQ(parse(builder.sign(), answer), RadiusFault::none);
    EXPECT_EQ(answer.code, code);
    EXPECT_EQ(answer.reply_message, "hello you");
    EXPECT_TRUE(answer.msk.empty() && answer.user_name.empty() && answer.classes.empty());
    EXPECT_FALSE(answer.framed_ip4 || answer.framed_ip6 || answer.session_timeout_s);
  }
}

TEST(RadiusPacket, GrantsOfAWrongLengthSpoilTheAnswer) {
  EXPECT_EQ(fault_of(accept().add(8, Octets(3)).sign()), RadiusFault::malformed);
  EXPECT_EQ(fault_of(accept().add(27, Octets(5)).sign()), RadiusFault::malformed);
  EXPECT_EQ(fault_of(accept().add(168, Octets(4)).sign()), RadiusFault::malformed);
}

// RFC 2865 §5.8: 255.255.255.255 and 255.255.255.254 leave the choice to others.
TEST(RadiusPacket, AnAddressToChooseIsNone) {
  for (const std::uint8_t last : Octets{254, 255}) {
    RadiusAnswer answer;
    ASSERT_EQ(parse(accept().add(8, Octets{255, 255, 255, last}).sign(), answer),
              RadiusFault::none);
    EXPECT_FALSE(answer.framed_ip4);
  }
}

TEST(RadiusPacket, KeysOfEveryLengthMakeOneMsk) {
  for (const std::size_t len : {1u, 15u, 16u, 31u, 32u, 33u}) {
    Octets recv(len, 0xaa), send(len, 0xbb);
    RadiusAnswer answer;
    ASSERT_EQ(parse(accept().mppe(16, send).mppe(17, recv).sign(), answer), RadiusFault::none);
    Octets expected = recv;
    expected.insert(expected.end(), send.begin(), send.end());
    expected.resize(std::max<std::size_t>(64, 2 * len));
    EXPECT_EQ(to_hex(answer.msk.reveal()), to_hex(expected)) << len;
  }
}

TEST(RadiusPacket, HalfAKeyIsNone) {
  RadiusAnswer answer;
  ASSERT_EQ(parse(accept().mppe(16, Octets(32)).sign(), answer), RadiusFault::none);
  EXPECT_TRUE(answer.msk.empty());
  EXPECT_EQ(fault_of(accept().mppe(16, Octets(32)).msk(Octets(64)).sign()), RadiusFault::key);
}

TEST(RadiusPacket, RefusesKeysThatDoNotOpen) {
  const auto fault = [](const char* value) {
    return fault_of(accept().add(26, from_hex(value)).sign());
  };
  EXPECT_EQ(fault("000001371102"), RadiusFault::key);        // no salt
  EXPECT_EQ(fault("0000013711048001"), RadiusFault::key);    // no key
  EXPECT_EQ(fault("0000013711058001ff"), RadiusFault::key);  // no whole block
  // RFC 2548 §2.4.2: the leftmost bit of the Salt MUST be set.
  EXPECT_EQ(fault_of(accept().mppe(17, Octets(32), 0x8001).sign()), RadiusFault::none);
  EXPECT_EQ(fault_of(accept().mppe(17, Octets(32), 0x7fff).sign()), RadiusFault::key);
  EXPECT_EQ(fault_of(accept().mppe(17, Octets()).sign()), RadiusFault::key);  // length 0
  RadiusExchange other = exchange();
  const Octets secret{'x'};
  other.secret = secret;  // sealed for somebody else: the length is random
  unsigned refused = 0;
  for (unsigned i = 0; i < 64; ++i) {
    other.authenticator[0] = static_cast<std::uint8_t>(i);
    Octets sealed =
        RadiusAnswerBuilder(RadiusCode::access_accept, other).mppe(17, Octets(32)).sign();
    sealed.erase(sealed.begin(), sealed.begin() + kRadiusHeaderLen + 18);
    if (fault_of(accept().raw(sealed).sign()) == RadiusFault::key) ++refused;
  }
  EXPECT_GT(refused, 32u);
}

TEST(RadiusPacket, OtherVendorsAreNotOurs) {
  EXPECT_EQ(fault_of(accept().add(26, from_hex("00000009")).sign()), RadiusFault::none);
  EXPECT_EQ(fault_of(accept().add(26, from_hex("000000091104aa")).sign()), RadiusFault::none);
  EXPECT_EQ(fault_of(accept().add(26, from_hex("00")).sign()), RadiusFault::none);
  EXPECT_EQ(fault_of(accept().add(26, from_hex("000001370706000000ff")).sign()), RadiusFault::none);
}

TEST(RadiusPacket, FaultsHaveTexts) {
  for (int i = 0; i <= static_cast<int>(RadiusFault::key); ++i)
    EXPECT_STRNE(radius_fault_text(static_cast<RadiusFault>(i)), "?");
}

}  // namespace
}  // namespace cp
