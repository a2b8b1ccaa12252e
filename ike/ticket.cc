// The octets of a ticket: header, state, key, and the scalar seal and open.
#include "ike/ticket.h"

#include <array>
#include <utility>

#include "crypto/base/error.h"
#include "crypto/base/secret.h"
#include "crypto/prf_plus.h"

namespace ike {
namespace {

constexpr std::uint8_t kTicketVersion = 1;
constexpr std::uint8_t kKindByValue = 0;
// The version stands in the label, so that another format cannot be opened with this key.
constexpr char kTicketKeyLabel[] = "Resurge ticket key v1";
constexpr std::size_t kTicketKeyLabelLen = sizeof kTicketKeyLabel - 1;

constexpr std::uint8_t kFlagIp4 = 0x01;
constexpr std::uint8_t kFlagIp6 = 0x02;
constexpr std::uint8_t kFlagPostQuantum = 0x04;
constexpr std::uint8_t kFlagPpk = 0x08;
constexpr std::uint8_t kFlagsKnown = kFlagIp4 | kFlagIp6 | kFlagPostQuantum | kFlagPpk;

std::uint8_t octet_of(const TicketFlags& flags) {
  return static_cast<std::uint8_t>((flags.has_ip4 ? kFlagIp4 : 0) | (flags.has_ip6 ? kFlagIp6 : 0) |
                                   (flags.post_quantum ? kFlagPostQuantum : 0) |
                                   (flags.ppk ? kFlagPpk : 0));
}

TicketFlags flags_of(std::uint8_t octet) {
  return {.has_ip4 = (octet & kFlagIp4) != 0,
          .has_ip6 = (octet & kFlagIp6) != 0,
          .post_quantum = (octet & kFlagPostQuantum) != 0,
          .ppk = (octet & kFlagPpk) != 0};
}

template <std::size_t N>
bool take_address(crypto::ByteReader& reader, bool present, std::array<std::uint8_t, N>& out) {
  out = {};
  if (!present) return true;
  crypto::Bytes octets;
  if (!reader.take(N, octets)) return false;
  std::memcpy(out.data(), octets.data(), N);
  return true;
}

void read_suite(const std::uint8_t* p, Suite& out) {
  out.encr = static_cast<EncrId>(crypto::load_be16(p));
  out.key_bits = crypto::load_be16(p + 2);
  out.prf = static_cast<PrfId>(crypto::load_be16(p + 4));
  out.integ = static_cast<IntegId>(crypto::load_be16(p + 6));
  out.ke = static_cast<KeId>(crypto::load_be16(p + 8));
  out.esn = false;
}

void write_suite(const Suite& suite, std::uint8_t* p) {
  crypto::store_be16(p, std::to_underlying(suite.encr));
  crypto::store_be16(p + 2, suite.key_bits);
  crypto::store_be16(p + 4, std::to_underlying(suite.prf));
  crypto::store_be16(p + 6, std::to_underlying(suite.integ));
  crypto::store_be16(p + 8, std::to_underlying(suite.ke));
}

void write_fixed_state(const TicketState& state, std::uint8_t* p) {
  crypto::store_be64(p, state.expires_s);
  crypto::store_be64(p + 8, state.full_auth_s);
  crypto::store_be32(p + 16, state.connection);
  crypto::store_be32(p + 20, state.policy_generation);
  crypto::store_be64(p + 24, state.spi_i.value());
  crypto::store_be64(p + 32, state.spi_r.value());
  write_suite(state.suite, p + 40);
  p[50] = std::to_underlying(state.auth_method);
  p[51] = octet_of(state.flags);
  crypto::store_be16(p + 52, state.resumptions);
  crypto::store_be16(p + 54, static_cast<std::uint16_t>(state.id_i.size()));
  crypto::store_be16(p + 56, static_cast<std::uint16_t>(state.id_r.size()));
  p[58] = static_cast<std::uint8_t>(state.sk_d.size());
  p[59] = static_cast<std::uint8_t>(state.eap_identity.size());
}

}  // namespace

bool parse_ticket_header(crypto::Bytes ticket, TicketHeader& out) {
  if (ticket.size() < kTicketOverhead + kTicketStateFixedLen || ticket.size() > kTicketLenMax)
    return false;
  const std::uint8_t* p = ticket.data();
  if (p[0] != kTicketVersion || p[1] != kKindByValue || crypto::load_be16(p + 2) != 0) return false;
  out.key_id = crypto::TicketKeyId(crypto::load_be32(p + 4));
  out.issuer = IssuerId(crypto::load_be64(p + 8));
  out.serial = TicketSerial(crypto::load_be64(p + 16));
  return true;
}

void write_ticket_header(const TicketHeader& header, std::uint8_t* out) {
  out[0] = kTicketVersion;
  out[1] = kKindByValue;
  crypto::store_be16(out + 2, 0);
  crypto::store_be32(out + 4, header.key_id.value());
  crypto::store_be64(out + 8, header.issuer.value());
  crypto::store_be64(out + 16, header.serial.value());
}

bool parse_ticket_state(crypto::Bytes plaintext, TicketState& out) {
  crypto::ByteReader reader(plaintext);
  crypto::Bytes fixed;
  if (!reader.take(kTicketStateFixedLen, fixed)) return false;
  const std::uint8_t* p = fixed.data();
  out.expires_s = crypto::load_be64(p);
  out.full_auth_s = crypto::load_be64(p + 8);
  out.connection = crypto::load_be32(p + 16);
  out.policy_generation = crypto::load_be32(p + 20);
  out.spi_i = IkeSpi(crypto::load_be64(p + 24));
  out.spi_r = IkeSpi(crypto::load_be64(p + 32));
  read_suite(p + 40, out.suite);
  out.auth_method = static_cast<AuthMethod>(p[50]);
  if ((p[51] & ~kFlagsKnown) != 0) return false;
  out.flags = flags_of(p[51]);
  out.resumptions = crypto::load_be16(p + 52);
  if (!is_supported(out.suite) || p[58] != prf_len(out.suite)) return false;
  return reader.take(p[58], out.sk_d) && reader.take(crypto::load_be16(p + 54), out.id_i) &&
         reader.take(crypto::load_be16(p + 56), out.id_r) && reader.take(p[59], out.eap_identity) &&
         take_address(reader, out.flags.has_ip4, out.ip4) &&
         take_address(reader, out.flags.has_ip6, out.ip6) && reader.at_end();
}

std::size_t ticket_state_len(const TicketState& state) {
  return kTicketStateFixedLen + state.sk_d.size() + state.id_i.size() + state.id_r.size() +
         state.eap_identity.size() + (state.flags.has_ip4 ? sizeof(Ip4) : 0) +
         (state.flags.has_ip6 ? sizeof(Ip6) : 0);
}

std::size_t write_ticket_state(const TicketState& state, crypto::MutBytes out) {
  const std::size_t len = ticket_state_len(state);
  if (len > kTicketStateMax || len > out.size() || state.eap_identity.size() > 255 ||
      !is_supported(state.suite) || state.sk_d.size() != prf_len(state.suite))
    return 0;
  crypto::ByteWriter writer(out);
  write_fixed_state(state, writer.reserve(kTicketStateFixedLen));
  writer.bytes(state.sk_d);
  writer.bytes(state.id_i);
  writer.bytes(state.id_r);
  writer.bytes(state.eap_identity);
  if (state.flags.has_ip4) writer.bytes(state.ip4);
  if (state.flags.has_ip6) writer.bytes(state.ip6);
  return writer.ok() ? writer.size() : 0;
}

void write_ticket_nonce(TicketSerial serial, std::uint8_t* out) {
  std::memset(out, 0, 4);
  crypto::store_be64(out + 4, serial.value());
}

void derive_ticket_key(crypto::Engine& engine, crypto::Bytes ticket_key, IssuerId issuer,
                       std::uint8_t* out) {
  std::array<std::uint8_t, kTicketKeyLabelLen + 8> message;
  std::memcpy(message.data(), kTicketKeyLabel, kTicketKeyLabelLen);
  crypto::store_be64(message.data() + kTicketKeyLabelLen, issuer.value());
  crypto::prf_once(engine, crypto::Prf::hmac_sha256, ticket_key, message, out);
}

std::size_t seal_ticket(crypto::Engine& engine, const crypto::TicketKey& key, IssuerId issuer,
                        TicketSerial serial, const TicketState& state, crypto::MutBytes out) {
  if (out.size() < kTicketOverhead) return 0;
  const std::size_t state_len =
      write_ticket_state(state, out.subspan(kTicketHeaderLen, out.size() - kTicketOverhead));
  if (state_len == 0) return 0;
  write_ticket_header({key.id, issuer, serial}, out.data());
  crypto::Secret<32> aes_key;
  derive_ticket_key(engine, key.secret.reveal(), issuer, aes_key.fill().data());
  std::array<std::uint8_t, crypto::kAeadNonceLen> nonce;
  write_ticket_nonce(serial, nonce.data());
  crypto::AeadLane lane;
  lane.raw_key = aes_key.reveal().data();
  lane.nonce = nonce.data();
  lane.aad = out.first(kTicketHeaderLen);
  lane.in = out.data() + kTicketHeaderLen;
  lane.len = static_cast<std::uint32_t>(state_len);
  lane.out = out.data() + kTicketHeaderLen;
  lane.tag = out.data() + kTicketHeaderLen + state_len;
  engine.seal(crypto::Aead::aes256_gcm, {&lane, 1});
  return kTicketOverhead + state_len;
}

bool open_ticket(crypto::Engine& engine, const crypto::TicketKey& key, crypto::Bytes ticket,
                 crypto::MutBytes plaintext, TicketState& out) {
  TicketHeader header;
  if (!parse_ticket_header(ticket, header) || header.key_id != key.id) return false;
  const std::size_t state_len = ticket.size() - kTicketOverhead;
  CHECK(plaintext.size() >= kTicketStateMax);
  crypto::Secret<32> aes_key;
  derive_ticket_key(engine, key.secret.reveal(), header.issuer, aes_key.fill().data());
  std::array<std::uint8_t, crypto::kAeadNonceLen> nonce;
  write_ticket_nonce(header.serial, nonce.data());
  std::array<std::uint8_t, crypto::kAeadTagLen> tag;
  std::memcpy(tag.data(), ticket.data() + kTicketHeaderLen + state_len, tag.size());
  crypto::AeadLane lane;
  lane.raw_key = aes_key.reveal().data();
  lane.nonce = nonce.data();
  lane.aad = ticket.first(kTicketHeaderLen);
  lane.in = ticket.data() + kTicketHeaderLen;
  lane.len = static_cast<std::uint32_t>(state_len);
  lane.out = plaintext.data();
  lane.tag = tag.data();
  engine.open(crypto::Aead::aes256_gcm, {&lane, 1});
  return lane.ok && parse_ticket_state(plaintext.first(state_len), out);
}

}  // namespace ike
