// The octets that a resumed AUTH covers, and its scalar computation.
#include "ike/auth_value.h"

#include <array>

#include "crypto/base/error.h"
#include "crypto/prf_plus.h"
#include "ike/ids.h"

namespace ike {
namespace {

std::uint8_t* append(std::uint8_t* out, crypto::Bytes part) {
  if (!part.empty()) std::memcpy(out, part.data(), part.size());
  return out + part.size();
}

}  // namespace

std::size_t write_signed_octets(crypto::Bytes real_message, crypto::Bytes peer_nonce,
                                crypto::Bytes maced_id, std::uint8_t* out) {
  append(append(append(out, real_message), peer_nonce), maced_id);
  return real_message.size() + peer_nonce.size() + maced_id.size();
}

void auth_value(crypto::Engine& engine, crypto::Prf prf, AuthForm form, crypto::Bytes sk_p,
                crypto::Bytes real_message, crypto::Bytes peer_nonce, crypto::Bytes id_body,
                std::uint8_t* out) {
  if (form == AuthForm::libreswan) {
    crypto::prf_once(engine, prf, sk_p, real_message, out);
    return;
  }
  constexpr std::size_t kDatagramMax = 65535;
  CHECK(real_message.size() <= kDatagramMax && peer_nonce.size() <= kNonceLenMax);
  std::array<std::uint8_t, crypto::kPrfLenMax> maced_id;
  crypto::prf_once(engine, prf, sk_p, id_body, maced_id.data());
  std::array<std::uint8_t, kDatagramMax + kNonceLenMax + crypto::kPrfLenMax> octets;
  const std::size_t len = write_signed_octets(
      real_message, peer_nonce, crypto::Bytes(maced_id).first(crypto::prf_len(prf)), octets.data());
  crypto::prf_once(engine, prf, sk_p, {octets.data(), len}, out);
}

}  // namespace ike
