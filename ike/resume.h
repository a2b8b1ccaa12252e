// IKE_SESSION_RESUME (RFC 5723 §4.3): reading message 1, writing its three answers, and the
// initiator's side of both. Everything here is clear text; authentication comes with IKE_AUTH.
//
//   request   HDR(A,0), [N(COOKIE),] Ni, N(TICKET_OPAQUE) [, N+]
//   response  HDR(A,B), Nr [, N(NAT_DETECTION_*)] [, N(IKEV2_FRAGMENTATION_SUPPORTED)]
//          or HDR(A,0), N(TICKET_NACK)         36 octets, whatever the reason
//          or HDR(A,0), N(COOKIE)
#pragma once

#include "crypto/base/bytes.h"
#include "ike/header.h"
#include "ike/parse_error.h"

namespace ike {

// Views into message 1.
struct ResumeRequest {
  IkeSpi spi_i;
  crypto::Bytes message;  // RealMessage1: from the first SPI octet to the end
  crypto::Bytes nonce;    // Ni
  crypto::Bytes ticket;   // data of N(TICKET_OPAQUE); may be empty (then it can only be refused)
  crypto::Bytes cookie;   // data of a COOKIE notify that stands first; empty when none
  bool has_cookie = false;
  bool has_nat_detection = false;  // any NAT_DETECTION_* notify stands
  bool fragmentation_supported = false;
  bool redirect_supported = false;
};

// Checks header and chain: exchange 38, I set, R clear, Message ID 0, SPIr 0, exactly one nonce of
// 16..256 octets and exactly one TICKET_OPAQUE; an SK payload is refused (missing_payload).
// Payloads in any order; known but unexpected payloads and unknown status notifies are ignored. On
// critical_unknown, `offending` tells the payload type to name in the answer.
ParseError parse_resume_request(crypto::Bytes message, ResumeRequest& out, PayloadType& offending);

// Message 2. `nat_source` and `nat_destination` are 20-octet SHA-1 values or empty for none.
// Returns the length, or 0 when `out` is too small.
struct ResumeResponse {
  IkeSpi spi_i;
  IkeSpi spi_r;
  crypto::Bytes nonce;  // Nr
  crypto::Bytes nat_source;
  crypto::Bytes nat_destination;
  bool fragmentation_supported = false;
};
inline constexpr std::size_t kResumeResponseMax = kHeaderLen + 4 + kNonceLenMax + 2 * (8 + 20) + 8;
std::size_t write_resume_response(const ResumeResponse& response, crypto::MutBytes out);

inline constexpr std::size_t kTicketNackLen = 36;
std::size_t write_ticket_nack(IkeSpi spi_i, crypto::MutBytes out);
std::size_t write_cookie_challenge(IkeSpi spi_i, Exchange exchange, crypto::Bytes cookie,
                                   crypto::MutBytes out);
// A response with one clear error notify (INVALID_SYNTAX, UNSUPPORTED_CRITICAL_PAYLOAD,
// INVALID_MAJOR_VERSION, INVALID_IKE_SPI ...) to the request with `header`.
std::size_t write_clear_notify(const Header& request, Notify type, crypto::Bytes notify_data,
                               crypto::MutBytes out);

// The octets that NAT_DETECTION_*_IP hashes with SHA-1 (RFC 7296 §2.23):
// SPIi | SPIr | address | port. `address` has 4 or 16 octets. Returns the length (22 or 34).
std::size_t write_nat_detection_input(IkeSpi spi_i, IkeSpi spi_r, crypto::Bytes address,
                                      std::uint16_t port, std::uint8_t* out);

// Initiator. `cookie`, `nat_*` may be empty. Returns the length of message 1, or 0.
struct ResumeOffer {
  IkeSpi spi_i;
  crypto::Bytes nonce;
  crypto::Bytes ticket;
  crypto::Bytes cookie;
  crypto::Bytes nat_source;
  crypto::Bytes nat_destination;
  bool fragmentation_supported = false;
};
std::size_t write_resume_request(const ResumeOffer& offer, crypto::MutBytes out);

// What came back. Exactly one of the kinds.
enum class ResumeAnswerKind : std::uint8_t { response, nack, cookie, error_notify };
struct ResumeAnswer {
  ResumeAnswerKind kind = ResumeAnswerKind::response;
  IkeSpi spi_r;
  crypto::Bytes message;  // RealMessage2
  crypto::Bytes nonce;
  crypto::Bytes cookie;
  std::uint16_t error = 0;  // of error_notify
  bool fragmentation_supported = false;
};
ParseError parse_resume_answer(crypto::Bytes message, ResumeAnswer& out);

}  // namespace ike
