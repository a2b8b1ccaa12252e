// Fuzz target: whole workers without cryptography, so that mutated messages get past every tag to
// the parsers behind. Frames are conserved, and after silence nothing is left of them.
//
//   input = records   kind(1) | length(2) | octets
//     kind % 8   0 a frame               1 an IKE message, in a frame of ours
//                2 the same to port 4500 3 the same over IPv6
//                4 inner octets of IKE_AUTH on the live half-open session, first octet = first type
//                5 the same as fragment: number, total and first type stand first
//                6 INFORMATIONAL on the live session, as 4
//                7 time passes: length * 8 ms
//     kind & 8   run the worker after this record; else it waits for the next (a burst)
//
// Placeholders in the octets become what only the gateway knows: "KEYI" the ticket key's id,
// "ISSUERID" the issuer, "SERIALNO" a serial not used before, "SPI-INIT" and "SPI-RESP" those of
// the live session, "AUTH" eight times the right AUTH value.
#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "crypto/base/error.h"
#include "ike/auth_value.h"
#include "ike/crash_detection.h"
#include "ike/key_schedule.h"
#include "ike/proposal.h"
#include "ike/resume.h"
#include "ike/sk_payload.h"
#include "ike/ticket.h"
#include "tests/support/fuzz_records.h"
#include "tests/support/gateway_rig.h"
#include "tests/support/null_engine.h"

namespace {

using crypto::Bytes;
using Octets = std::vector<std::uint8_t>;

constexpr std::uint32_t kSessions = 32;
constexpr std::uint32_t kLifetimeS = 60;

rig::Options options() {
  rig::Options o;
  o.sessions_max = kSessions;
  o.port_buffers = 256;
  o.engine = [] { return std::make_unique<crypto::NullEngine>(); };
  o.configure = [](dp::WorkerConfig& c) {
    c.admission.half_open_max = 16;
    c.admission.half_open_per_ticket = 3;
    c.tickets.lifetime_s = kLifetimeS;
    c.child.pool4.count = 64;
    c.child.pool6.count = 64;
  };
  return o;
}

// INVALID_MAJOR_VERSION and nothing else.
bool is_version_answer(Bytes message) {
  constexpr std::size_t kNotifyTypeAt = ike::kHeaderLen + 6;
  return message.size() == ike::kHeaderLen + 8 &&
         crypto::load_be16(message.data() + kNotifyTypeAt) ==
             static_cast<std::uint16_t>(ike::Notify::invalid_major_version);
}

// A gateway, and one client that knows how its half-open session came about.
class World {
 public:
  World() : rig_(options()) {}

  void take(std::uint8_t kind, Bytes octets) {
    Octets text(octets.begin(), octets.end());
    if (kind % 8 < 4) replace(text);
    switch (kind % 8) {
      case 0:
        rig_.port().inject(text);
        break;
      case 4:
      case 5:
      case 6:
        send_protected(kind % 8, text);
        break;
      case 7:
        rig_.now.ms += octets.size() * 8;
        break;
      default:
        send(text, kind % 8);
    }
    if ((kind & 8) != 0) run();
  }

  // Runs the worker and looks at what it sends: packets, and among them message 2.
  void run() {
    rig_.run();
    rig_.port().drain_sent([&](Bytes frame) {
      const auto packet = dp::read_packet(frame);
      CHECK(packet.has_value());
      if (packet->ike.empty()) return;
      ike::Header header;
      CHECK(ike::parse_header(packet->ike, header) == ike::ParseError::none);
      CHECK(header.is_response() && header.version == 0x20);
      // Of an IKE SA that we would have begun, only that it is not there, or that the request's
      // version is not ours.
      ike::CrashAnswer crash;
      CHECK(!header.from_initiator() || is_version_answer(packet->ike) ||
            ike::parse_crash_answer(packet->ike, crash) == ike::ParseError::none);
      ike::ResumeAnswer answer;
      if (ike::parse_resume_answer(packet->ike, answer) == ike::ParseError::none &&
          answer.kind == ike::ResumeAnswerKind::response && header.spi_i == spi_i_)
        note_message2(answer, packet->ike);
    });
    CHECK(rig_.conserved());
    read_punts();
  }

  // The control thread's part: it ends every session that it gets.
  void read_punts() {
    dp::Seam& seam = *rig_.shared().seams[0];
    for (; dp::Punt* letter = seam.punts.peek(); seam.punts.done()) {
      CHECK(letter->kind == dp::PuntKind::adopted || letter->message_len >= ike::kHeaderLen);
      if (letter->kind != dp::PuntKind::adopted) continue;
      const dp::AdoptedSa& sa = letter->sa;
      rig_.shared().leases.release4(sa.ip4_lease, sa.spi_r);
      rig_.shared().leases.release6(sa.ip6_lease, sa.spi_r);
      dp::Order* order = seam.orders.claim();
      CHECK(order != nullptr);
      order->kind = dp::OrderKind::release;
      order->spi_r = sa.spi_r;
      seam.orders.publish();
      dp::wipe(*letter);
    }
  }

  // Silence until every half-open session has timed out and every session is over.
  void settle() {
    run();
    rig_.now.ms += std::max<std::uint64_t>(kLifetimeS * 1000, 10'000) + 1;
    for (std::uint32_t i = 0; i < kSessions; ++i) rig_.run();
    CHECK(rig_.sum(&dp::WorkerCounters::half_opens) == 0);
    CHECK(rig_.sum(&dp::WorkerCounters::sessions) == 0);
    CHECK(rig_.shared().leases.held4() == 0 && rig_.shared().leases.held6() == 0);
    const dp::FakePort::Counts& c = rig_.port().counts();
    CHECK(c.received == c.transmitted + c.transmit_lost + c.released + c.handed_over);
    CHECK(rig_.port().buffers_free() == 256);
    is_open_ = false;
    rig_.serve_requests();
  }

  // A ticket that a gateway without cryptography takes for its own, never used before.
  Octets ticket() {
    ike::TicketState state;
    state.expires_s = rig_.now.unix_s + 1000;
    state.full_auth_s = rig_.now.unix_s;
    state.connection = rig_.shared().config.connections[0].id;
    state.policy_generation = 1;
    state.sk_d = kSkD;
    state.id_i = state.id_r = kId;
    state.flags.has_ip4 = true;
    state.ip4 = {10, 64, 0, 7};
    Octets out(ike::kTicketOverhead + ike::ticket_state_len(state));
    const auto id = rig_.keyring().current().id;
    ike::write_ticket_header({id, rig_.mint_issuer(), ike::TicketSerial(++serial_)}, out.data());
    CHECK(ike::write_ticket_state(state, crypto::MutBytes(out).subspan(ike::kTicketHeaderLen)) !=
          0);
    return out;
  }

 private:
  static constexpr std::array<std::uint8_t, 32> kSkD = {1, 2, 3};
  static constexpr std::array<std::uint8_t, 12> kId = {2, 0, 0, 0, 'c', 'l', 'i', 'e', 'n', 't'};

  static void replace_all(Octets& text, std::string_view what, Bytes with) {
    for (auto at = text.begin();;) {
      at = std::search(at, text.end(), what.begin(), what.end());
      if (at == text.end()) return;
      at = std::copy(with.begin(), with.end(), at);
    }
  }
  void replace(Octets& text) {
    std::array<std::uint8_t, 8> value;
    crypto::store_be32(value.data(), rig_.keyring().current().id.value());
    replace_all(text, "KEYI", Bytes(value).first(4));
    crypto::store_be64(value.data(), rig_.mint_issuer().value());
    replace_all(text, "ISSUERID", value);
    crypto::store_be64(value.data(), ++serial_);
    replace_all(text, "SERIALNO", value);
    crypto::store_be64(value.data(), spi_i_.value());
    replace_all(text, "SPI-INIT", value);
    crypto::store_be64(value.data(), spi_r_.value());
    replace_all(text, "SPI-RESP", value);
    replace_all(text, "AUTHAUTHAUTHAUTHAUTHAUTHAUTHAUTH", auth_);
  }

  void send(const Octets& message, unsigned kind) {
    dp::PacketBuilder builder;
    builder.destination_port = kind == 2 ? 4500 : 500;
    builder.is_ip6 = kind == 3;
    if (message.size() < 1900) rig_.port().inject(builder.ike(message));
  }

  // Makes sure that a half-open session lives.
  void open() {
    if (is_open_) return;
    spi_i_ = ike::IkeSpi(0xc11e'0000'0000 + ++opened_);
    message1_.resize(1500);
    const Octets fresh = ticket();
    const ike::ResumeOffer offer{
        .spi_i = spi_i_, .nonce = kSkD, .ticket = fresh, .fragmentation_supported = true};
    message1_.resize(ike::write_resume_request(offer, message1_));
    CHECK(!message1_.empty());
    send(message1_, 1);
    run();
  }

  void note_message2(const ike::ResumeAnswer& answer, const Octets& message2) {
    const ike::Suite suite;
    std::array<std::uint8_t, ike::kIkeKeymatMax> keymat;
    const crypto::MutBytes keys_octets = crypto::MutBytes(keymat).first(ike::ike_keymat_len(suite));
    spi_r_ = answer.spi_r;
    CHECK(!message2.empty());
    ike::derive_resumed_keys(null_, suite, kSkD, kSkD, answer.nonce, spi_i_, spi_r_, keys_octets);
    const ike::IkeKeys keys = ike::split_ike_keymat(suite, keys_octets);
    ike::auth_value(null_, ike::prf_of(suite.prf), ike::AuthForm::rfc, keys.sk_pi, message1_,
                    answer.nonce, kId, auth_.data());
    is_open_ = true;
  }

  // kind 4, 5, 6. The octets are what SK or SKF encrypts; padding is added.
  void send_protected(unsigned kind, Octets text) {
    open();
    replace(text);
    const std::size_t prefix = kind == 5 ? 3 : 1;
    if (text.size() < prefix || text.size() > 1400) return;
    ike::Header header{
        .spi_i = spi_i_,
        .spi_r = spi_r_,
        .exchange = kind == 6 ? ike::Exchange::informational : ike::Exchange::ike_auth,
        .flags = ike::kFlagInitiator,
        .message_id = ike::MessageId(kind == 6 ? 2 : 1)};
    Octets body;
    if (kind == 5) body = {0, text[0], 0, text[1]};
    body.resize(body.size() + 8);
    body.insert(body.end(), text.begin() + static_cast<std::ptrdiff_t>(prefix), text.end());
    body.resize(body.size() + 1 + crypto::kAeadTagLen);
    Octets message(ike::kHeaderLen + 4);
    const auto sk = kind == 5 ? ike::PayloadType::skf : ike::PayloadType::sk;
    header.next_payload = sk;
    header.length = static_cast<std::uint32_t>(message.size() + body.size());
    ike::write_header(header, message.data());
    message[ike::kHeaderLen] = text[prefix - 1];
    crypto::store_be16(&message[ike::kHeaderLen + 2], static_cast<std::uint16_t>(4 + body.size()));
    message.insert(message.end(), body.begin(), body.end());
    send(message, 1);
  }

  rig::GatewayRig rig_;
  crypto::NullEngine null_;
  bool is_open_ = false;
  std::uint64_t opened_ = 0, serial_ = 1u << 20;
  ike::IkeSpi spi_i_, spi_r_;
  Octets message1_;
  std::array<std::uint8_t, 32> auth_{};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t len) {
  static World world;
  rig::for_each_record(Bytes(octets, std::min<std::size_t>(len, 8192)),
                       [&](std::uint8_t kind, Bytes record) { world.take(kind, record); });
  world.settle();
  return 0;
}
