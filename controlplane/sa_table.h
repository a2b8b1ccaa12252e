// SaTable: all IKE SAs of the control thread, found by our SPI, by the initiator's first message
// and by identity; and when each wants attention next.
//
// An SA has one deadline at a time. The heap may hold older entries of it; what counts is what the
// SA says when an entry comes up. Control thread only.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <queue>
#include <unordered_map>
#include <vector>

#include "controlplane/ike_sa.h"

namespace cp {

class SaTable {
 public:
  // Adds an SA under our_spi(), and while half-open under its initiator's SPI and address. The SPI
  // must be new.
  IkeSa& add(std::unique_ptr<IkeSa> sa);
  IkeSa* find(ike::IkeSpi our_spi);
  // The SA that the IKE_SA_INIT request of `spi_i` from `path` made and that is not authenticated
  // yet; null when there is none.
  IkeSa* find_initiator(ike::IkeSpi spi_i, const dp::PeerPath& path);
  // Established SAs of an identity (ID body), for uniqueness and revocation.
  std::vector<IkeSa*> find_identity(crypto::Bytes id_body);
  // The SA counts as established and is found by its identity from here on.
  void authenticated(IkeSa& sa);
  // What was removed; null when it was not there.
  std::unique_ptr<IkeSa> remove(ike::IkeSpi our_spi);

  // The SA wants attention at `at_ms`, if it does not already want it earlier.
  void schedule(IkeSa& sa, std::uint64_t at_ms);
  // An SA whose time has come; null when there is none. The caller looks what is due and schedules
  // it again.
  IkeSa* take_due(std::uint64_t now_ms);
  // When take_due() has something at the earliest.
  std::uint64_t next_deadline_ms() const;

  std::size_t size() const { return by_spi_.size(); }
  // Half-open SAs from one /24 or /56 (RFC 7296 §2.4: an attacker has few of them).
  std::size_t half_open_count(const dp::PeerPath& path) const;
  std::size_t half_open_count() const { return by_spi_.size() - authenticated_count_; }
  std::size_t authenticated_count() const { return authenticated_count_; }
  void for_each(const std::function<void(IkeSa&)>& visit);

 private:
  struct Entry {
    std::uint64_t at_ms;
    std::uint64_t spi;
    bool operator>(const Entry& other) const { return at_ms > other.at_ms; }
  };
  // An SA, and under which keys the other maps have it: its path may change.
  struct Held {
    std::unique_ptr<IkeSa> sa;
    std::string initiator, prefix;
  };
  static std::string initiator_key(ike::IkeSpi spi_i, const dp::PeerPath& path);
  static std::string prefix_key(const dp::PeerPath& path);
  void forget_handshake(Held& held, std::uint64_t spi);
  void drop_old_deadlines();

  std::unordered_map<std::uint64_t, Held> by_spi_;
  std::unordered_map<std::string, std::uint32_t> half_open_by_prefix_;
  std::unordered_map<std::string, std::uint64_t> by_initiator_;
  std::unordered_multimap<std::string, std::uint64_t> by_identity_;
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> deadlines_;
  std::size_t authenticated_count_ = 0;
};

}  // namespace cp
