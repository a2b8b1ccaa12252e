// The three records of a session: its directory entry, the half-open record between messages 1 and
// 3, and the established record. Plain memory inside SessionTable's arenas; wiped when freed.
#pragma once

#include <array>
#include <cstdint>

#include "crypto/base/bytes.h"
#include "crypto/engine.h"
#include "ike/auth_value.h"
#include "ike/ids.h"
#include "ike/resume.h"
#include "ike/suite.h"
#include "ike/ticket.h"

namespace dp {

inline constexpr std::uint32_t kNoIndex = 0xffffffff;

// Of an adopted session the control thread has everything; the slot keeps the SPIs, so that packets
// of the SA still find to it, and its place in EspTable.
enum class SlotState : std::uint8_t { free, half_open, established, adopted };

// 16 octets: all that a packet with a wrong SPI touches.
struct SlotEntry {
  std::uint32_t tag = 0;               // of the SPI; compared before anything else is read
  std::uint32_t half_open = kNoIndex;  // index in the half-open pool while half_open
  std::uint32_t next_free = kNoIndex;
  SlotState state = SlotState::free;
};
static_assert(sizeof(SlotEntry) == 16);

inline constexpr std::size_t kMessage1Max = 1536;
inline constexpr std::size_t kMessage2Max = ike::kResumeResponseMax;

// A session between message 1 and message 3: what derive_keys, open_auth and verify_auth need. Both
// messages are kept with room behind them so that the octets AUTH covers are completed in place.
struct HalfOpen {
  ike::IkeSpi spi_i, spi_r;
  std::uint64_t request_hash = 0;  // of source, SPIi and Ni; the key in RequestIndex
  std::uint64_t created_ms = 0;
  std::uint32_t slot = 0;
  std::uint32_t prefix_bucket = 0;  // of SourceLimits
  ike::IssuerId issuer;
  ike::TicketSerial serial;
  std::uint16_t connection = 0;  // index in WorkerConfig::connections
  std::uint16_t message1_len = 0, message2_len = 0, nonce_i_offset = 0, nonce_i_len = 0;
  std::uint16_t state_len = 0;  // octets of `state`
  bool keys_derived = false;
  bool fragmentation = false;
  std::uint32_t fragment_record = kNoIndex;  // in Fragments
  ike::TicketState ticket;                   // views into `state`
  std::array<std::uint8_t, ike::kNonceLen> nonce_r;
  alignas(64) std::array<std::uint8_t, ike::kIkeKeymatMax> keymat;
  alignas(64) std::array<std::uint8_t, ike::kTicketStateMax> state;
  alignas(64) std::array<std::uint8_t, kMessage1Max + ike::kNonceLen + crypto::kPrfLenMax> message1;
  std::array<std::uint8_t, kMessage2Max + ike::kNonceLenMax + crypto::kPrfLenMax> message2;

  crypto::Bytes real_message1() const { return {message1.data(), message1_len}; }
  crypto::Bytes real_message2() const { return {message2.data(), message2_len}; }
  crypto::Bytes nonce_i() const { return {message1.data() + nonce_i_offset, nonce_i_len}; }
};

// An established IKE SA on a worker. Its variable parts lie packed in `blob`, or in a spill record
// when they do not fit: SK_d | SK_ai | SK_ar | SK_ei | SK_er | IDi body | IDr body | EAP
// identity | last response (for retransmission).
struct Session {
  ike::IkeSpi spi_i, spi_r;
  std::uint64_t request_hash = 0;
  ike::IssuerId issuer;          // of the ticket we issued for this session (revoked with it)
  ike::TicketSerial serial;      // 0 = none issued
  std::uint64_t tx_counter = 0;  // IVs used in our direction
  std::uint64_t established_ms = 0;
  std::uint64_t seen_ms = 0;
  std::uint64_t full_auth_s = 0;
  std::uint32_t next_message_id = 2;  // expected from the client
  std::uint32_t ip4_lease = kNoIndex, ip6_lease = kNoIndex;
  std::uint32_t spill = kNoIndex;
  std::uint32_t connection = 0;  // ticket's connection id
  std::uint16_t connection_index = 0;
  std::uint16_t resumptions = 0;
  ike::Suite suite;
  ike::AuthMethod auth_method = ike::AuthMethod::shared_key;
  ike::AuthForm auth_form = ike::AuthForm::rfc;
  bool peer_is_ip6 = false;
  bool udp_encapsulation = false;
  bool fragmentation = false;  // RFC 7383, by both sides
  bool mobike = false;         // RFC 4555, by both sides
  bool post_quantum = false;   // mark of its ticket
  std::array<std::uint8_t, 6> peer_mac{};
  std::uint16_t peer_port = 0;
  std::array<std::uint8_t, 16> local{}, peer{};  // the way of the last authentic request
  std::uint16_t id_i_len = 0, id_r_len = 0, eap_identity_len = 0;
  std::uint16_t response_len = 0;
  static constexpr std::size_t kBlobLen = 800;
  std::array<std::uint8_t, kBlobLen> blob;
};
static_assert(sizeof(Session) <= 976);

}  // namespace dp
