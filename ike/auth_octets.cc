// The octets that a full AUTH covers, shared-key AUTH, and the framing of signatures.
#include "ike/auth_octets.h"

#include <array>

#include "crypto/base/secret.h"
#include "crypto/prf_plus.h"

namespace ike {
namespace {

constexpr std::uint8_t kKeyPad[] = {'K', 'e', 'y', ' ', 'P', 'a', 'd', ' ', 'f',
                                    'o', 'r', ' ', 'I', 'K', 'E', 'v', '2'};

}  // namespace

std::size_t write_auth_octets(crypto::Engine& engine, const AuthInput& input,
                              crypto::MutBytes out) {
  std::array<std::uint8_t, crypto::kPrfLenMax> maced_id;
  crypto::prf_once(engine, input.prf, input.sk_p, input.id_body, maced_id.data());
  crypto::ByteWriter writer(out);
  writer.bytes(input.real_message);
  writer.bytes(input.peer_nonce);
  writer.bytes(crypto::Bytes(maced_id).first(crypto::prf_len(input.prf)));
  writer.bytes(input.int_auth);
  return writer.ok() ? writer.size() : 0;
}

std::size_t write_int_auth(crypto::Bytes int_auth_i, crypto::Bytes int_auth_r, MessageId first_auth,
                           crypto::MutBytes out) {
  crypto::ByteWriter writer(out);
  writer.bytes(int_auth_i);
  writer.bytes(int_auth_r);
  writer.be32(first_auth.value());
  return writer.ok() ? writer.size() : 0;
}

void shared_key_auth(crypto::Engine& engine, crypto::Prf prf, crypto::Bytes secret,
                     crypto::Bytes octets, std::uint8_t* out) {
  crypto::Secret<crypto::kPrfLenMax> padded;
  crypto::prf_once(engine, prf, secret, kKeyPad, padded.fill().data());
  crypto::prf_once(engine, prf, padded.reveal().first(crypto::prf_len(prf)), octets, out);
}

bool verify_shared_key_auth(crypto::Engine& engine, crypto::Prf prf, crypto::Bytes secret,
                            crypto::Bytes octets, crypto::Bytes auth) {
  crypto::Secret<crypto::kPrfLenMax> expected;
  shared_key_auth(engine, prf, secret, octets, expected.fill().data());
  return crypto::ct_equal(expected.reveal().first(crypto::prf_len(prf)), auth);
}

bool parse_signature_auth(crypto::Bytes auth_data, SignatureView& out) {
  crypto::ByteReader reader(auth_data);
  std::uint8_t len = 0;
  if (!reader.u8(len) || len == 0 || !reader.take(len, out.algorithm) || reader.at_end())
    return false;
  out.signature = reader.rest();
  return true;
}

std::size_t write_signature_auth(crypto::Bytes algorithm, crypto::Bytes signature,
                                 crypto::MutBytes out) {
  if (algorithm.empty() || algorithm.size() > 255 || signature.empty()) return 0;
  crypto::ByteWriter writer(out);
  writer.u8(static_cast<std::uint8_t>(algorithm.size()));
  writer.bytes(algorithm);
  writer.bytes(signature);
  return writer.ok() ? writer.size() : 0;
}

}  // namespace ike
