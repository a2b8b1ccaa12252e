// Workers: what the control thread asks of the workers' side. tools/gateway binds it to the real
// tables, so this layer needs nothing of the data plane but the letter-box in dataplane/api.
//
// An interface, because the layer rule forbids to see the tables, and tests of the control thread
// then need no EAL and no port. Control thread only, except where noted.
#pragma once

#include <cstdint>
#include <optional>

#include "crypto/base/error.h"
#include "crypto/keyring.h"
#include "crypto/random.h"
#include "dataplane/api/counters.h"
#include "dataplane/api/handoff.h"
#include "dataplane/api/seam.h"
#include "ike/config_payload.h"
#include "ike/ids.h"

namespace cp {

class Workers {
 public:
  virtual ~Workers() = default;

  virtual unsigned worker_count() const = 0;
  virtual const dp::WorkerCounters& counters(unsigned worker) const = 0;  // any thread

  // Workers see the new object from their next burst on.
  virtual void publish(crypto::KeyringSnapshot keyring) = 0;
  virtual void publish(dp::DenyList denied) = 0;
  // Destroys what was replaced and no worker can hold any more.
  virtual void reclaim() = 0;

  virtual dp::IssuerRequests& issuer_requests() = 0;
  virtual dp::IssuerSupply& issuer_supply(unsigned worker) = 0;
  // The used-set of an issuer, made when there is none; kept at least until `valid_until_s`.
  virtual crypto::Result<dp::IssuerUse*> open_issuer(ike::IssuerId issuer,
                                                     std::uint64_t valid_until_s) = 0;
  // Removes used-sets whose tickets have all expired; returns how many.
  virtual crypto::Result<std::size_t> sweep_issuers(std::uint64_t now_s) = 0;
  // Tickets are judged by no earlier time than this, and used-sets are kept by none.
  virtual std::uint64_t latest_wall_s() const = 0;
  // Used-sets that are mapped.
  virtual std::size_t issuer_count() const = 0;
  // Writes used tickets to the disk. Blocks.
  virtual crypto::Status flush_issuers() = 0;
  // Spends one ticket, so that nobody resumes with it (revocation). True when it was unspent; an
  // issuer without a used-set has no ticket that could be accepted.
  virtual bool spend_ticket(ike::IssuerId issuer, ike::TicketSerial serial) = 0;
  // Of an issuer's used-set: its serials are 1 .. capacity - 1.
  virtual std::uint64_t ticket_capacity() const = 0;

  // The seam (dataplane/api/seam.h). The oldest letter of that worker, or null; punt_done() wipes
  // it and gives it back.
  virtual dp::Punt* next_punt(unsigned worker) = 0;
  virtual void punt_done(unsigned worker) = 0;
  // The oldest report of that worker, or null; a letter of kind reported says that one came.
  // report_done() wipes it and gives it back.
  virtual const dp::Report* next_report(unsigned worker) = 0;
  virtual void report_done(unsigned worker) = 0;
  // A letter to that worker, which holds what its last use left; null when the ring is full.
  // send_order() makes it the worker's, who wipes it.
  virtual dp::Order* claim_order(unsigned worker) = 0;
  virtual void send_order(unsigned worker) = 0;
  virtual dp::Doorbell& doorbell() = 0;
  // IKE_SA_INIT requests without a valid cookie are answered with a COOKIE challenge by workers
  // and do not cross the seam (RFC 7296 §2.6).
  virtual void set_sa_init_cookies(bool demanded) = 0;
  // An SPI by which workers know that its IKE SA is the control thread's.
  virtual ike::IkeSpi new_control_spi(crypto::Random& random) = 0;
  // An inbound SPI for a Child SA on that worker, promised for two minutes and then kept from the
  // order to install it to the order to remove it; 0 when all places are taken.
  virtual ike::EspSpi new_child_spi(unsigned worker, crypto::Random& random) = 0;
  // The worker that an SPI of new_child_spi() is of: the only one that can have the Child SA.
  virtual unsigned worker_of(ike::EspSpi spi) const = 0;

  // Pool addresses. `wish` is given when it is free or held by `previous` (0 = nobody) or `holder`;
  // otherwise any, searched from a place that `hint` spreads. Empty when the pool is exhausted.
  virtual std::optional<ike::Ip4> lease4(const ike::Ip4* wish, ike::IkeSpi holder,
                                         ike::IkeSpi previous, std::uint32_t hint) = 0;
  virtual std::optional<ike::Ip6> lease6(const ike::Ip6* wish, ike::IkeSpi holder,
                                         ike::IkeSpi previous, std::uint32_t hint) = 0;
  // Frees the address when `holder` still has it.
  virtual void release4(const ike::Ip4& address, ike::IkeSpi holder) = 0;
  virtual void release6(const ike::Ip6& address, ike::IkeSpi holder) = 0;
  // How many addresses are leased.
  virtual std::uint32_t held4() const = 0;
  virtual std::uint32_t held6() const = 0;
  // Place of an address in its pool as AdoptedSa and ChildInstall name it; dp::kNoLease when it is
  // not of the pool.
  virtual std::uint32_t index4(const ike::Ip4& address) const = 0;
  virtual std::uint32_t index6(const ike::Ip6& address) const = 0;
  virtual ike::Ip4 address4(std::uint32_t index) const = 0;
  virtual ike::Ip6 address6(std::uint32_t index) const = 0;
};

}  // namespace cp
