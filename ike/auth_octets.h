// AUTH of a full handshake (RFC 7296 §2.15): the octets that are signed, shared-key AUTH, and the
// framing of signatures (RFC 7427 §3).
//
//   octets  RealMessage | peer nonce | prf(SK_p, ID body) [| IntAuth]       IntAuth: RFC 9242
//   secret  prf(prf(secret, "Key Pad for IKEv2"), octets)                   PSK, MSK of EAP, SK_p
//   method 14   length of AlgorithmIdentifier(1) | AlgorithmIdentifier | signature
//
// AUTH of a resumed SA differs: ike/auth_value.h.
#pragma once

#include "crypto/engine.h"
#include "ike/ids.h"

namespace ike {

// Octets that write_auth_octets() needs at most, without IntAuth.
constexpr std::size_t auth_octets_max(std::size_t real_message_len) {
  return real_message_len + kNonceLenMax + crypto::kPrfLenMax;
}
inline constexpr std::size_t kIntAuthMax = 2 * crypto::kPrfLenMax + 4;

// IntAuth (RFC 9242 §3.3.2; ike/intermediate.h): covers the messages of IKE_INTERMEDIATE of both
// sides. `out` has kIntAuthMax octets; returns the length.
std::size_t write_int_auth(crypto::Bytes int_auth_i, crypto::Bytes int_auth_r, MessageId first_auth,
                           crypto::MutBytes out);

// What one side signs. `sk_p` and `id_body` are the signer's, `peer_nonce` is the other side's.
struct AuthInput {
  crypto::Prf prf = crypto::Prf::hmac_sha256;
  crypto::Bytes sk_p;
  crypto::Bytes real_message;  // the signer's last IKE_SA_INIT message, from the first SPI octet
  crypto::Bytes peer_nonce;
  crypto::Bytes id_body;   // type | reserved as sent | data
  crypto::Bytes int_auth;  // empty without IKE_INTERMEDIATE
};
// Returns the length, or 0 when `out` is too small.
std::size_t write_auth_octets(crypto::Engine& engine, const AuthInput& input, crypto::MutBytes out);

// AUTH by a shared secret: a PSK, the MSK of an EAP method, or for EAP without key and NULL
// authentication SK_p itself. `out` receives prf_len octets. `octets` come of write_auth_octets().
void shared_key_auth(crypto::Engine& engine, crypto::Prf prf, crypto::Bytes secret,
                     crypto::Bytes octets, std::uint8_t* out);
// Compares in constant time.
[[nodiscard]] bool verify_shared_key_auth(crypto::Engine& engine, crypto::Prf prf,
                                          crypto::Bytes secret, crypto::Bytes octets,
                                          crypto::Bytes auth);

// RFC 7427 §3: AUTH data of method 14. False for an empty AlgorithmIdentifier or signature, or a
// length beyond the data.
struct SignatureView {
  crypto::Bytes algorithm;  // DER AlgorithmIdentifier: crypto/signature.h
  crypto::Bytes signature;
};
[[nodiscard]] bool parse_signature_auth(crypto::Bytes auth_data, SignatureView& out);
// Returns the length, or 0 when it does not fit.
std::size_t write_signature_auth(crypto::Bytes algorithm, crypto::Bytes signature,
                                 crypto::MutBytes out);

}  // namespace ike
