// TicketIssuer: the control thread's own tickets: what an SA that came from a full handshake is
// given to come back with (RFC 5723 §4.1, §6).
//
// The control thread is one more sealer beside the workers: it draws its own issuer id, so its
// nonces are unique by construction, and has its own bitmap of used tickets. Control thread only.
#pragma once

#include "controlplane/ike_sa.h"
#include "controlplane/ticket_keys.h"
#include "controlplane/workers.h"
#include "crypto/engine.h"
#include "crypto/random.h"
#include "dataplane/api/config.h"
#include "ike/ticket.h"

namespace cp {

class TicketIssuer {
 public:
  TicketIssuer(Workers& workers, TicketKeys& keys, crypto::Engine& engine, crypto::Random& random,
               const dp::TicketConfig& config)
      : workers_(workers), keys_(keys), engine_(engine), random_(random), config_(config) {}

  // Whom a ticket is for: an SA, or what an SA is about to become.
  struct Subject {
    ike::IkeSpi peer_spi, our_spi;
    ike::Suite suite;
    crypto::Bytes sk_d;
    std::uint32_t connection = 0;
    crypto::Bytes peer_id, own_id, eap_identity;
    ike::AuthMethod auth_method = ike::AuthMethod::shared_key;
    std::optional<ike::Ip4> ip4;
    std::optional<ike::Ip6> ip6;
    bool post_quantum = false;
    std::uint16_t resumptions = 0;
    std::uint64_t full_auth_s = 0;
  };
  static Subject subject_of(const IkeSa& sa);

  struct Issued {
    Octets ticket;  // empty = none can be issued: answered with TICKET_NACK (RFC 5723 §4.1)
    std::uint32_t lifetime_s = 0;
    ike::IssuerId issuer;
    ike::TicketSerial serial;
  };
  // None where workers would refuse it. Its lifetime ends no later than the time at which the
  // client must authenticate again.
  Issued issue(const Subject& subject, std::uint64_t unix_s);

  // New tickets are of this policy generation at least.
  void raise_generation(std::uint32_t generation) { generation_ = generation; }

  // The ticket issued last for an SA can no longer be used: the gateway ended the SA.
  void revoke(const IkeSa& sa);

 private:
  bool have_issuer(std::uint64_t expires_s);

  Workers& workers_;
  TicketKeys& keys_;
  crypto::Engine& engine_;
  crypto::Random& random_;
  const dp::TicketConfig& config_;
  std::uint32_t generation_ = 0;
  ike::IssuerId issuer_;
  std::uint64_t next_serial_ = 1;
  std::uint64_t kept_until_s_ = 0;
};

}  // namespace cp
