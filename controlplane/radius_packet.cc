// Writes Access-Request; verifies and reads Access-Accept, Access-Reject and Access-Challenge.
#include "controlplane/radius_packet.h"

#include <algorithm>
#include <string_view>

#include "crypto/digest.h"

namespace cp {
namespace {

using crypto::ByteReader;
using crypto::Bytes;
using crypto::ByteWriter;

// RFC 2865 §5, RFC 3162 §2.1, RFC 3579 §3, RFC 6911 §3.1.
enum class Attribute : std::uint8_t {
  user_name = 1,
  nas_ip_address = 4,
  service_type = 6,
  framed_ip_address = 8,
  framed_mtu = 12,
  reply_message = 18,
  state = 24,
  class_ = 25,
  vendor_specific = 26,
  session_timeout = 27,
  called_station_id = 30,
  calling_station_id = 31,
  nas_identifier = 32,
  nas_port_type = 61,
  eap_message = 79,
  message_authenticator = 80,
  nas_ipv6_address = 95,
  framed_ipv6_address = 168,
};

constexpr std::uint32_t kServiceFramed = 2;
constexpr std::uint32_t kPortVirtual = 5;

constexpr std::uint32_t kVendorMicrosoft = 311;  // RFC 2548 §2.4
constexpr std::uint8_t kMppeSendKey = 16;
constexpr std::uint8_t kMppeRecvKey = 17;
constexpr std::size_t kMacLen = 16;

Bytes octets(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

void put(ByteWriter& writer, Attribute type, Bytes value) {
  writer.u8(static_cast<std::uint8_t>(type));
  writer.u8(static_cast<std::uint8_t>(2 + value.size()));
  writer.bytes(value);
}

void put_number(ByteWriter& writer, Attribute type, std::uint32_t value) {
  std::array<std::uint8_t, 4> raw;
  crypto::store_be32(raw.data(), value);
  put(writer, type, raw);
}

void put_text(ByteWriter& writer, Attribute type, std::string_view text) {
  if (!text.empty()) put(writer, type, octets(text));
}

bool texts_fit(const RadiusRequest& r) {
  const auto fits = [](const auto& value) { return value.size() <= kRadiusAttributeMax; };
  return fits(r.user_name) && fits(r.nas_identifier) && fits(r.calling_station_id) &&
         fits(r.called_station_id) && fits(r.state);
}

void put_attributes(ByteWriter& writer, const RadiusRequest& r) {
  put_text(writer, Attribute::user_name, r.user_name);
  put_text(writer, Attribute::nas_identifier, r.nas_identifier);
  if (r.nas_address) {
    if (const auto* ip4 = std::get_if<ike::Ip4>(&*r.nas_address))
      put(writer, Attribute::nas_ip_address, *ip4);
    else
      put(writer, Attribute::nas_ipv6_address, std::get<ike::Ip6>(*r.nas_address));
  }
  put_number(writer, Attribute::service_type, kServiceFramed);
  put_number(writer, Attribute::nas_port_type, kPortVirtual);
  if (r.framed_mtu != 0) put_number(writer, Attribute::framed_mtu, r.framed_mtu);
  put_text(writer, Attribute::calling_station_id, r.calling_station_id);
  put_text(writer, Attribute::called_station_id, r.called_station_id);
  if (!r.state.empty()) put(writer, Attribute::state, r.state);
  for (Bytes rest = r.eap; !rest.empty();) {  // RFC 3579 §3.1: split, in order, side by side
    const std::size_t len = std::min(rest.size(), kRadiusAttributeMax);
    put(writer, Attribute::eap_message, rest.first(len));
    rest = rest.subspan(len);
  }
}

// One attribute after another. `bad` when the lengths do not add up.
class AttributeReader {
 public:
  explicit AttributeReader(Bytes attributes) : reader_(attributes) {}

  bool next(std::uint8_t& type, Bytes& value) {
    if (reader_.at_end()) return false;
    std::uint8_t len = 0;
    bad_ = !reader_.u8(type) || !reader_.u8(len) || len < 2 || !reader_.take(len - 2u, value);
    return !bad_;
  }
  bool bad() const { return bad_; }

 private:
  ByteReader reader_;
  bool bad_ = false;
};

// The packet as its length field cuts it; what a datagram has behind is padding (RFC 2865 §3).
bool cut(Bytes datagram, Bytes& packet) {
  if (datagram.size() < kRadiusHeaderLen) return false;
  const std::size_t len = crypto::load_be16(datagram.data() + 2);
  if (len < kRadiusHeaderLen || len > kRadiusPacketMax || len > datagram.size()) return false;
  packet = datagram.first(len);
  return true;
}

bool is_answer(std::uint8_t code) {
  switch (static_cast<RadiusCode>(code)) {
    case RadiusCode::access_accept:
    case RadiusCode::access_reject:
    case RadiusCode::access_challenge:
      return true;
    case RadiusCode::access_request:
      return false;
  }
  return false;
}

// RFC 2865 §3: MD5(Code | Identifier | Length | Request Authenticator | Attributes | Secret).
bool response_authenticator_is_right(Bytes packet, const RadiusExchange& exchange) {
  crypto::SecretBytes text(packet.size() + exchange.secret.size());
  const crypto::MutBytes fill = text.fill();
  std::ranges::copy(packet, fill.begin());
  std::ranges::copy(exchange.authenticator, fill.begin() + 4);
  std::ranges::copy(exchange.secret, fill.begin() + static_cast<std::ptrdiff_t>(packet.size()));
  return crypto::ct_equal(crypto::md5(text.reveal()), packet.subspan(4, 16));
}

// RFC 3579 §3.2: HMAC-MD5 over the packet with the Request Authenticator and zeroes for the value.
RadiusFault check_message_authenticator(Bytes packet, const RadiusExchange& exchange) {
  const Bytes attributes = packet.subspan(kRadiusHeaderLen);
  AttributeReader reader(attributes);
  std::uint8_t type = 0;
  Bytes value, mac;
  while (reader.next(type, value)) {
    if (static_cast<Attribute>(type) != Attribute::message_authenticator) continue;
    if (!mac.empty()) return RadiusFault::unprotected;
    if (value.size() != kMacLen) return RadiusFault::malformed;
    mac = value;
  }
  if (reader.bad()) return RadiusFault::malformed;
  if (mac.empty()) return RadiusFault::unprotected;
  std::vector<std::uint8_t> text(packet.begin(), packet.end());
  std::ranges::copy(exchange.authenticator, text.begin() + 4);
  std::fill_n(text.begin() + (mac.data() - packet.data()), kMacLen, std::uint8_t{0});
  const bool right = crypto::ct_equal(crypto::hmac_md5(exchange.secret, text), mac);
  return right ? RadiusFault::none : RadiusFault::forged;
}

// RFC 2548 §2.4.2: Salt(2) | c(1) | c(2) ...; b(1) = MD5(S + R + A), b(i) = MD5(S + c(i-1)).
// What comes out is length(1) | key | padding. Empty when that cannot be.
crypto::SecretBytes open_mppe_key(Bytes value, const RadiusExchange& exchange) {
  constexpr std::size_t kBlock = 16;
  constexpr std::size_t kSaltLen = 2;
  ByteReader reader(value);
  Bytes salt;
  if (!reader.take(kSaltLen, salt) || (salt[0] & 0x80) == 0) return {};
  const Bytes sealed = reader.rest();
  if (sealed.empty() || sealed.size() % kBlock != 0) return {};
  crypto::SecretBytes plain(sealed.size());
  crypto::SecretBytes input(exchange.secret.size() + exchange.authenticator.size() + kSaltLen);
  ByteWriter first(input.fill());
  first.bytes(exchange.secret);
  first.bytes(exchange.authenticator);
  first.bytes(salt);
  for (std::size_t at = 0; at < sealed.size(); at += kBlock) {
    if (at == kBlock) input.shrink(exchange.secret.size() + kBlock);
    if (at != 0)
      std::ranges::copy(sealed.subspan(at - kBlock, kBlock), input.fill().last(kBlock).begin());
    crypto::Md5Digest pad = crypto::md5(input.reveal());
    for (std::size_t i = 0; i < kBlock; ++i)
      plain.fill()[at + i] = static_cast<std::uint8_t>(sealed[at + i] ^ pad[i]);
    crypto::secure_zero(pad);
  }
  const std::size_t len = plain.reveal()[0];
  if (len >= plain.size()) return {};
  return crypto::SecretBytes(plain.reveal().subspan(1, len));
}

struct MppeKeys {
  crypto::SecretBytes recv, send;
};

bool read_vendor(Bytes value, const RadiusExchange& exchange, MppeKeys& keys) {
  ByteReader reader(value);
  std::uint32_t vendor = 0;
  if (!reader.be32(vendor) || vendor != kVendorMicrosoft) return true;
  AttributeReader parts(reader.rest());
  std::uint8_t type = 0;
  Bytes part;
  while (parts.next(type, part)) {
    if (type != kMppeRecvKey && type != kMppeSendKey) continue;
    crypto::SecretBytes& key = type == kMppeRecvKey ? keys.recv : keys.send;
    if (!key.empty()) return false;
    key = open_mppe_key(part, exchange);
    if (key.empty()) return false;
  }
  return true;  // other vendors' attributes, and other forms of this one's, are not ours to judge
}

// The server sees itself as the authenticator: what it receives with is the first half. Shorter
// keys than 32 octets (EAP-MSCHAPv2 has 16) stand side by side, with zeroes up to 64 octets.
crypto::SecretBytes join(const MppeKeys& keys) {
  if (keys.recv.empty() || keys.send.empty()) return {};
  crypto::SecretBytes msk(std::max(kMskLen, keys.recv.size() + keys.send.size()));
  ByteWriter writer(msk.fill());
  writer.bytes(keys.recv.reveal());
  writer.bytes(keys.send.reveal());
  return msk;
}

template <class Octets>
void assign(Octets& to, Bytes from) {
  to.assign(from.begin(), from.end());
}

// The first one counts, where there should be one.
template <class Ip>
bool read_address(Bytes value, std::optional<Ip>& out) {
  Ip address;
  if (value.size() != address.size()) return false;
  std::ranges::copy(value, address.begin());
  if (!out) out = address;
  return true;
}

// RFC 2865 §5.8: the user, or we, are to choose; then it is no address.
void drop_wildcard(std::optional<ike::Ip4>& address) {
  if (address && crypto::load_be32(address->data()) >= 0xfffffffe) address.reset();
}

bool read_grant(Attribute type, Bytes value, RadiusAnswer& out) {
  if (type == Attribute::user_name && out.user_name.empty()) assign(out.user_name, value);
  if (type == Attribute::class_) assign(out.classes.emplace_back(), value);
  if (type == Attribute::framed_ip_address) return read_address(value, out.framed_ip4);
  if (type == Attribute::framed_ipv6_address) return read_address(value, out.framed_ip6);
  if (type == Attribute::session_timeout) {
    if (value.size() != 4) return false;
    if (!out.session_timeout_s) out.session_timeout_s = crypto::load_be32(value.data());
  }
  return true;
}

RadiusFault read_attributes(Bytes attributes, const RadiusExchange& exchange, RadiusAnswer& out) {
  const bool accepted = out.code == RadiusCode::access_accept;
  AttributeReader reader(attributes);
  MppeKeys keys;
  std::uint8_t raw = 0;
  Bytes value;
  while (reader.next(raw, value)) {
    const auto type = static_cast<Attribute>(raw);
    if (type == Attribute::eap_message) {
      out.eap.insert(out.eap.end(), value.begin(), value.end());
    } else if (type == Attribute::state) {
      assign(out.state, value);
    } else if (type == Attribute::reply_message) {
      out.reply_message.append(value.begin(), value.end());
    } else if (accepted && type == Attribute::vendor_specific) {
      if (!read_vendor(value, exchange, keys)) return RadiusFault::key;
    } else if (accepted && !read_grant(type, value, out)) {
      return RadiusFault::malformed;
    }
  }
  drop_wildcard(out.framed_ip4);
  out.msk = join(keys);
  return RadiusFault::none;
}

}  // namespace

std::size_t write_access_request(const RadiusRequest& request, const RadiusExchange& exchange,
                                 crypto::MutBytes out) {
  if (!texts_fit(request)) return 0;
  ByteWriter writer(out.first(std::min(out.size(), kRadiusPacketMax)));
  writer.u8(static_cast<std::uint8_t>(RadiusCode::access_request));
  writer.u8(exchange.id);
  writer.be16(0);
  writer.bytes(exchange.authenticator);
  const std::size_t mac_at = writer.size() + 2;
  put(writer, Attribute::message_authenticator, std::array<std::uint8_t, kMacLen>{});
  put_attributes(writer, request);
  if (!writer.ok()) return 0;
  crypto::store_be16(writer.at(2), static_cast<std::uint16_t>(writer.size()));
  const crypto::Md5Digest mac = crypto::hmac_md5(exchange.secret, writer.written());
  std::ranges::copy(mac, writer.at(mac_at));
  return writer.size();
}

const char* radius_fault_text(RadiusFault fault) {
  switch (fault) {
    case RadiusFault::none:
      return "right";
    case RadiusFault::malformed:
      return "malformed";
    case RadiusFault::other_request:
      return "the answer to another request";
    case RadiusFault::forged:
      return "signed with another secret";
    case RadiusFault::unprotected:
      return "without one Message-Authenticator";
    case RadiusFault::key:
      return "with MS-MPPE keys that do not open";
  }
  return "?";
}

RadiusFault parse_radius_answer(Bytes datagram, const RadiusExchange& exchange, RadiusAnswer& out) {
  Bytes packet;
  if (!cut(datagram, packet) || !is_answer(packet[0])) return RadiusFault::malformed;
  if (packet[1] != exchange.id) return RadiusFault::other_request;
  if (!response_authenticator_is_right(packet, exchange)) return RadiusFault::forged;
  const RadiusFault fault = check_message_authenticator(packet, exchange);
  if (fault != RadiusFault::none) return fault;
  out = RadiusAnswer{.code = static_cast<RadiusCode>(packet[0])};
  return read_attributes(packet.subspan(kRadiusHeaderLen), exchange, out);
}

}  // namespace cp
