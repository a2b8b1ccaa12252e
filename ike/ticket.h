// The ticket by value (RFC 5723 §6.1): its octets, its state, its nonce and its key.
//
//    0 1 version = 1      1 1 kind = 0 (by value)   2 2 zero
//    4 4 key id           8 8 issuer id            16 8 serial
//   24 n ciphertext of the state                 24+n 16 tag                    AAD = octets 0..23
//
// Sealed with AES-256-GCM; key = HMAC-SHA-256(ticket key[key id], label | issuer id), nonce = 0 |
// serial. An issuer id is drawn at random at each start of each worker and a serial is used once,
// so nonces are unique over restarts, workers and gateways without coordination. The label names
// the format version: another version is another key, old tickets die by design.
//
// State (before encryption, all integers big-endian):
//    0 8 expires, Unix s          8 8 time of the last full authentication, Unix s
//   16 4 connection id           20 4 policy generation
//   24 8 SPIi of the issuing SA  32 8 SPIr of the issuing SA
//   40 2 ENCR  42 2 key bits  44 2 PRF  46 2 INTEG  48 2 KE       50 1 auth method   51 1 flags
//   52 2 resumptions so far      54 2 IDi body length         56 2 IDr body length
//   58 1 SK_d length             59 1 EAP identity length
//   60 . SK_d | IDi body | IDr body | EAP identity | IPv4 lease (4) | IPv6 lease (16)
// flags: 1 IPv4 lease stands, 2 IPv6 lease stands, 4 post-quantum, 8 PPK.
#pragma once

#include "crypto/engine.h"
#include "crypto/keyring.h"
#include "ike/config_payload.h"
#include "ike/ids.h"
#include "ike/parse_error.h"
#include "ike/suite.h"

namespace ike {

inline constexpr std::size_t kTicketHeaderLen = 24;
inline constexpr std::size_t kTicketOverhead = kTicketHeaderLen + crypto::kAeadTagLen;
inline constexpr std::size_t kTicketStateFixedLen = 60;
inline constexpr std::size_t kTicketStateMax = kTicketLenMax - kTicketOverhead;

struct TicketHeader {
  crypto::TicketKeyId key_id;
  IssuerId issuer;
  TicketSerial serial;
};
// False when the octets cannot be a ticket of ours: too short, too long, other version or kind,
// reserved octets not zero. Says nothing about authenticity.
[[nodiscard]] bool parse_ticket_header(crypto::Bytes ticket, TicketHeader& out);
void write_ticket_header(const TicketHeader& header, std::uint8_t* out);

struct TicketFlags {
  bool has_ip4 = false;
  bool has_ip6 = false;
  bool post_quantum = false;  // SK_d came through ML-KEM (RFC 9370), at some time of its history
  bool ppk = false;           // ... or through a post-quantum preshared key (RFC 8784)
  bool operator==(const TicketFlags&) const = default;
};

// Views point into the decrypted state (or into the caller's memory when writing).
struct TicketState {
  std::uint64_t expires_s = 0;
  std::uint64_t full_auth_s = 0;
  std::uint32_t connection = 0;
  std::uint32_t policy_generation = 0;
  IkeSpi spi_i;
  IkeSpi spi_r;
  Suite suite;
  AuthMethod auth_method = AuthMethod::shared_key;
  TicketFlags flags;
  std::uint16_t resumptions = 0;
  crypto::Bytes sk_d;
  crypto::Bytes id_i;  // bodies: type | reserved | data
  crypto::Bytes id_r;
  crypto::Bytes eap_identity;
  Ip4 ip4{};
  Ip6 ip6{};
};
// False on any disagreement of lengths, unknown flags or an unsupported suite: such a ticket is
// refused.
[[nodiscard]] bool parse_ticket_state(crypto::Bytes plaintext, TicketState& out);
// Octets that write_ticket_state will write.
std::size_t ticket_state_len(const TicketState& state);
// Writes the state; returns its length, or 0 when it does not fit `out` or kTicketStateMax.
std::size_t write_ticket_state(const TicketState& state, crypto::MutBytes out);

// 12 octets: four zero octets and the serial.
void write_ticket_nonce(TicketSerial serial, std::uint8_t* out);
// The 32-octet AES key of one issuer under one ticket key. One HMAC; callers cache the result.
void derive_ticket_key(crypto::Engine& engine, crypto::Bytes ticket_key, IssuerId issuer,
                       std::uint8_t* out);

// Scalar seal and open, for tools and cold code. Returns the ticket length, or 0 when it does not
// fit.
std::size_t seal_ticket(crypto::Engine& engine, const crypto::TicketKey& key, IssuerId issuer,
                        TicketSerial serial, const TicketState& state, crypto::MutBytes out);
// `plaintext` holds kTicketStateMax octets and backs the views of `out`. False = not ours or
// altered.
[[nodiscard]] bool open_ticket(crypto::Engine& engine, const crypto::TicketKey& key,
                               crypto::Bytes ticket, crypto::MutBytes plaintext, TicketState& out);

}  // namespace ike
