// RADIUS packets: writes Access-Request, verifies and reads what a server answers (RFC 2865, 3579).
//
//     0      1      2      4               20
//   | code | id   | length | authenticator | attributes: type(1) length(1) value(0..253) ...
//
// What is here is what passing EAP through needs. Message-Authenticator is in every request, as its
// first attribute, and demanded in every answer: without it MD5 alone would stand between a client
// and a forged Access-Accept (CVE-2024-3596). Sans I/O. Control thread only.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "controlplane/value_text.h"
#include "crypto/base/bytes.h"
#include "crypto/base/secret.h"
#include "ike/config_payload.h"

namespace cp {

inline constexpr std::size_t kRadiusHeaderLen = 20;
inline constexpr std::size_t kRadiusPacketMax = 4096;    // RFC 2865 §3
inline constexpr std::size_t kRadiusAttributeMax = 253;  // octets of one value
inline constexpr std::size_t kRadiusSecretMax = 256;     // octets of a shared secret
inline constexpr std::size_t kMskLen = 64;               // RFC 3748 §7.10: at least

enum class RadiusCode : std::uint8_t {
  access_request = 1,
  access_accept = 2,
  access_reject = 3,
  access_challenge = 11,
};

using RadiusAuthenticator = std::array<std::uint8_t, 16>;

// What ties an answer to its request. The secret is shared with the server and only looked at.
struct RadiusExchange {
  std::uint8_t id = 0;
  RadiusAuthenticator authenticator{};  // of the request: random, never used twice
  crypto::Bytes secret;                 // at most kRadiusSecretMax octets
};

// One Access-Request. Texts are left out when empty, and have at most kRadiusAttributeMax octets.
struct RadiusRequest {
  std::string user_name;       // octets of the EAP identity
  std::string nas_identifier;  // who we are, for the policy of the server
  std::optional<Address> nas_address;
  std::string calling_station_id;   // the client: address[port]
  std::string called_station_id;    // our address that it came to
  std::uint32_t framed_mtu = 0;     // RFC 3579 §2.4: EAP packets are to fit; 0 = not said
  std::vector<std::uint8_t> state;  // as the last Access-Challenge had it
  std::vector<std::uint8_t> eap;    // one EAP packet of the client
};

// Writes the packet and returns its length; 0 when it does not fit or a text is too long.
std::size_t write_access_request(const RadiusRequest& request, const RadiusExchange& exchange,
                                 crypto::MutBytes out);

// Why an answer is none. The datagram is dropped and the request goes on waiting (RFC 2865 §3).
enum class RadiusFault : std::uint8_t {
  none,
  malformed,      // length, attribute lengths, a code that is no answer
  other_request,  // identifier
  forged,         // Response Authenticator or Message-Authenticator wrong: mostly another secret
  unprotected,    // no Message-Authenticator, or several
  key,            // MS-MPPE keys that cannot be what they say
};
const char* radius_fault_text(RadiusFault fault);

// A verified answer. What only an Access-Accept grants is read from nothing else.
struct RadiusAnswer {
  RadiusCode code = RadiusCode::access_reject;
  std::vector<std::uint8_t> eap;  // the EAP-Message attributes put together
  std::vector<std::uint8_t> state;
  std::string reply_message;  // text of the server for the user; not clean for terminals

  // Access-Accept:
  crypto::SecretBytes msk;  // MS-MPPE-Recv-Key | MS-MPPE-Send-Key; empty when one is missing
  std::string user_name;    // who the server says it is
  std::optional<std::uint32_t> session_timeout_s;
  std::optional<ike::Ip4> framed_ip4;
  std::optional<ike::Ip6> framed_ip6;
  std::vector<std::vector<std::uint8_t>> classes;
};

// Any octets are allowed. `out` is meaningful with RadiusFault::none alone.
RadiusFault parse_radius_answer(crypto::Bytes packet, const RadiusExchange& exchange,
                                RadiusAnswer& out);

}  // namespace cp
