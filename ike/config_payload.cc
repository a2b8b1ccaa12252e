// Reading and writing the Configuration payload.
#include "ike/config_payload.h"

#include <algorithm>
#include <utility>

#include "crypto/base/error.h"

namespace ike {
namespace {

constexpr std::size_t kIp6PrefixedLen = 17;  // address and prefix length

struct Attribute {
  CfgAttribute type = CfgAttribute::internal_ip4_address;
  crypto::Bytes value;
};

bool take_attribute(crypto::ByteReader& reader, Attribute& out) {
  std::uint16_t type = 0;
  std::uint16_t len = 0;
  if (!reader.be16(type) || !reader.be16(len) || !reader.take(len, out.value)) return false;
  out.type = static_cast<CfgAttribute>(type & 0x7fff);  // RFC 7296 §3.15.1: the top bit is reserved
  return true;
}

// The fixed part of a CP payload body; false when it is not there.
bool take_cfg_type(crypto::ByteReader& reader, CfgType& out) {
  crypto::Bytes fixed;
  if (!reader.take(4, fixed)) return false;
  out = static_cast<CfgType>(fixed[0]);
  return true;
}

template <std::size_t N>
bool read_wish(crypto::Bytes value, std::array<std::uint8_t, N>& address, bool& has_wish) {
  const bool zero =
      std::ranges::all_of(value.first(N), [](std::uint8_t octet) { return octet == 0; });
  if (zero || has_wish) return false;
  std::memcpy(address.data(), value.data(), N);
  has_wish = true;
  return true;
}

ParseError read_request_attribute(const Attribute& attribute, ConfigRequest& out) {
  const std::size_t len = attribute.value.size();
  switch (attribute.type) {
    case CfgAttribute::internal_ip4_address:
      if (len != 0 && len != 4) return ParseError::bad_config;
      out.wants_ip4 = true;
      if (len != 0) read_wish(attribute.value, out.ip4_wish, out.has_ip4_wish);
      return ParseError::none;
    case CfgAttribute::internal_ip6_address:
      if (len != 0 && len != kIp6PrefixedLen) return ParseError::bad_config;
      out.wants_ip6 = true;
      if (len != 0) read_wish(attribute.value, out.ip6_wish, out.has_ip6_wish);
      return ParseError::none;
    case CfgAttribute::internal_ip4_dns:
      if (len != 0 && len != 4) return ParseError::bad_config;
      out.wants_ip4_dns = true;
      return ParseError::none;
    case CfgAttribute::internal_ip6_dns:
      if (len != 0 && len != 16) return ParseError::bad_config;
      out.wants_ip6_dns = true;
      return ParseError::none;
    case CfgAttribute::internal_ip4_netmask:
    case CfgAttribute::internal_ip4_subnet:
    case CfgAttribute::internal_ip6_subnet:
      return ParseError::none;
  }
  return ParseError::none;  // RFC 7296 §3.15.1: unknown attributes are ignored.
}

void write_attribute(crypto::ByteWriter& writer, CfgAttribute type, crypto::Bytes value) {
  writer.be16(std::to_underlying(type));
  writer.be16(static_cast<std::uint16_t>(value.size()));
  writer.bytes(value);
}

void write_ip6(crypto::ByteWriter& writer, const Ip6& address, std::uint8_t prefix_len) {
  writer.be16(std::to_underlying(CfgAttribute::internal_ip6_address));
  writer.be16(kIp6PrefixedLen);
  writer.bytes(address);
  writer.u8(prefix_len);
}

void open_cp(ChainBuilder& chain, CfgType type) {
  chain.open(PayloadType::cp);
  chain.writer().be32(std::uint32_t{std::to_underlying(type)} << 24);
}

}  // namespace

ParseError parse_config(crypto::Bytes cp_body, bool& is_request, ConfigRequest& out) {
  out = {};
  is_request = false;
  crypto::ByteReader reader(cp_body);
  CfgType type{};
  if (!take_cfg_type(reader, type)) return ParseError::bad_config;
  is_request = type == CfgType::request;
  if (!is_request) return ParseError::none;
  while (!reader.at_end()) {
    Attribute attribute;
    if (!take_attribute(reader, attribute)) return ParseError::bad_config;
    const ParseError e = read_request_attribute(attribute, out);
    if (e != ParseError::none) return e;
  }
  return ParseError::none;
}

void write_config_reply(ChainBuilder& chain, const ConfigReply& reply) {
  CHECK(reply.ip4_dns.size() <= kDnsMax && reply.ip6_dns.size() <= kDnsMax);
  open_cp(chain, CfgType::reply);
  crypto::ByteWriter& writer = chain.writer();
  if (reply.has_ip4) write_attribute(writer, CfgAttribute::internal_ip4_address, reply.ip4);
  for (const Ip4& dns : reply.ip4_dns) write_attribute(writer, CfgAttribute::internal_ip4_dns, dns);
  if (reply.has_ip6) write_ip6(writer, reply.ip6, reply.ip6_prefix_len);
  for (const Ip6& dns : reply.ip6_dns) write_attribute(writer, CfgAttribute::internal_ip6_dns, dns);
  chain.close();
}

void write_config_request(ChainBuilder& chain, const ConfigRequest& request) {
  open_cp(chain, CfgType::request);
  crypto::ByteWriter& writer = chain.writer();
  if (request.wants_ip4)
    write_attribute(writer, CfgAttribute::internal_ip4_address,
                    request.has_ip4_wish ? crypto::Bytes(request.ip4_wish) : crypto::Bytes());
  if (request.wants_ip4_dns) write_attribute(writer, CfgAttribute::internal_ip4_dns, {});
  if (request.wants_ip6) {
    if (request.has_ip6_wish) {
      write_ip6(writer, request.ip6_wish, 128);
    } else {
      write_attribute(writer, CfgAttribute::internal_ip6_address, {});
    }
  }
  if (request.wants_ip6_dns) write_attribute(writer, CfgAttribute::internal_ip6_dns, {});
  chain.close();
}

ParseError parse_config_reply(crypto::Bytes cp_body, ConfigReply& out) {
  out = {};
  crypto::ByteReader reader(cp_body);
  CfgType type{};
  if (!take_cfg_type(reader, type) || type != CfgType::reply) return ParseError::bad_config;
  while (!reader.at_end()) {
    Attribute attribute;
    if (!take_attribute(reader, attribute)) return ParseError::bad_config;
    const crypto::Bytes value = attribute.value;
    if (attribute.type == CfgAttribute::internal_ip4_address) {
      if (value.size() != 4) return ParseError::bad_config;
      read_wish(value, out.ip4, out.has_ip4);
    } else if (attribute.type == CfgAttribute::internal_ip6_address) {
      if (value.size() != kIp6PrefixedLen) return ParseError::bad_config;
      if (read_wish(value, out.ip6, out.has_ip6)) out.ip6_prefix_len = value[16];
    }
  }
  return ParseError::none;
}

}  // namespace ike
