// Proposals in the syntax of swanctl.conf: "aes256gcm16-prfsha256-x25519".
//
//   cipher      aes128gcm16 aes256gcm16 (also ...gcm, ...gcm128), chacha20poly1305; CBC: aes128
//               aes256
//   integrity   sha256 sha384 sha512 (also sha2_256, ...), with the CBC ciphers only
//   PRF         prfsha256 prfsha384 prfsha512; that of the integrity algorithm when none is written
//   KE          x25519 (curve25519) ecp256 ecp384 ecp521 modp2048 modp3072 modp4096 mlkem768
//   additional  ke1_KE to ke7_KE, e.g. ke1_mlkem768, in this order after the first (RFC 9370);
//               ke1_none makes one optional
//   ESP only    esn noesn; noesn when neither is written
//
// A proposal may name several algorithms of one kind; it then stands for all combinations, the
// first named preferred. "default" stands for the built-in list. Any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "crypto/base/error.h"
#include "ike/suite.h"

namespace cp {

inline constexpr std::size_t kSuitesMax = 256;  // of one proposal

// IKE: cipher, PRF and KE must stand. Best first.
crypto::Result<std::vector<ike::Suite>> parse_ike_proposal(std::string_view text);
// ESP: a KE is of CREATE_CHILD_SA alone; the Child SA of IKE_AUTH has none of its own (RFC 7296
// §1.2).
crypto::Result<std::vector<ike::Suite>> parse_esp_proposal(std::string_view text);

// The text of one suite, as the parsers read it.
std::string ike_suite_text(const ike::Suite& suite);
std::string esp_suite_text(const ike::Suite& suite);

}  // namespace cp
