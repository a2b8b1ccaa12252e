// PlaneWorld: a control plane, four clients and a RADIUS server that do whatever octets say: a
// fuzzer's, or random ones. After every step the books of the control thread are compared with what
// it told others; after silence nothing may be left. What is wrong ends the process (CHECK).
//
//   input = steps    operation (low 6 bits) and client (high 2) | its arguments, 0 when they lack
//
// Cryptography is real: whoever wants to get behind it asks a client to seal.
#pragma once

#include <array>
#include <map>
#include <set>

#include "tests/controlplane/ike_client.h"
#include "tests/controlplane/plane_rig.h"
#include "tests/support/radius_peer.h"
#include "tests/support/test_pki.h"

namespace cp {

class PlaneWorld {
 public:
  static constexpr const char* kRadiusSecret = "a shared secret";
  PlaneWorld();
  void run(crypto::Bytes octets);
  const PlaneCounters& counters() const { return rig_.counters(); }
  const RadiusCounters& radius_counters() { return rig_.plane().radius()->counters(); }
  std::uint64_t eap_connected() const { return eap_connected_; }

 private:
  enum class Stage : std::uint8_t { none, initiated, eap, up };
  struct Peer {
    std::unique_ptr<IkeClient> client;
    Stage stage = Stage::none;
    std::optional<IkeClient::Opened> asked;  // what the gateway wants to know
    Octets eap;                              // the last packet that the gateway sent it
    dp::PeerPath path;
    ike::EspSpi newest;   // the client's SPI of its last Child SA
    ike::EspSpi to_come;  // of the one whose IKE_FOLLOWUP_KE go on
  };
  struct Logged {
    Octets message;
    dp::PeerPath path;
  };
  using Operation = void (PlaneWorld::*)(Peer&);
  static const std::array<Operation, 28> kOperations;

  // Operations: what clients say ...
  void begin(Peer& p);
  void begin_hybrid(Peer& p);
  void intermediate(Peer& p);
  void authenticate(Peer& p);
  void begin_eap(Peer& p);
  void say_eap(Peer& p);
  void finish_eap(Peer& p);
  void say_anything(Peer& p);
  void say_anything_fragmented(Peer& p);
  void inform(Peer& p);
  void rekey_child(Peer& p);
  void rekey_ike(Peer& p);
  void followup(Peer& p);
  void answer(Peer& p);
  void move(Peer& p);
  // ... what strangers say ...
  void speak_clear(Peer& p);
  void replay(Peer& p);
  void damage(Peer& p);
  // ... and what happens.
  void pass_time(Peer& p);
  void fall_silent(Peer& p);
  void terminate(Peer& p);
  void start_rekey(Peer& p);
  void start_child_rekey(Peer& p);
  void adopt(Peer& p);
  void supersede(Peer& p);
  void answer_radius(Peer& p);
  void reload(Peer& p);
  void stall(Peer& p);

  std::uint8_t arg();
  Octets octets_of_arg();
  void start(Peer& p, const ike::AdditionalKes& kes, const std::string& eap_gateway = "");
  IkeSa* sa_of(const Peer& p);
  Peer& next_to(const Peer& p);
  // The client says its next request as the gateway expects it, altered in one octet when the
  // arguments want it.
  void prepare(Peer& p);
  void respond(Peer& p, const Octets& packet);
  void take_eap(const std::vector<Octets>& answers);
  void say_last_auth(Peer& p, const Octets& msk);
  void step_eap(Peer& p, bool accepts);
  void hear_questions();
  void reply(const support::RadiusQuestion& question, std::uint8_t how, std::uint8_t id);
  // Delivers, serves, sorts what was sent; returns the responses.
  std::vector<Octets> deliver(const Octets& message, const dp::PeerPath& path);
  std::vector<Octets> serve();
  void note_order(const PlaneRig::Told& order);
  void sort_request(const Octets& message);
  Octets answer_offer(Peer& p, const IkeClient::Opened& asked);
  Octets answer_followup(Peer& p, const IkeClient::Opened& asked);
  void follow(Peer& p, const ike::CreateChildRequest& request, const ike::Choice& choice,
              const Octets& shared, const Octets& nonce, ike::IkeSpi own);
  std::unique_ptr<IkeClient> twin_of(const IkeClient& client);
  std::string all_texts();

  void check();
  void check_sa(const IkeSa& sa);
  void settle();
  void clean_tickets();

  support::TestPki pki_;  // of the gateway, whom clients with EAP know by its certificate
  support::RadiusServerSocket server_;
  std::vector<support::RadiusQuestion> questions_;  // that came to it lately
  std::uint64_t eap_connected_ = 0;
  std::array<std::string, 4> policies_;
  PlaneRig rig_;
  std::array<Peer, 4> peers_;
  crypto::ByteReader reader_{crypto::Bytes()};
  std::vector<Logged> log_;
  std::set<std::uint32_t> installed_;  // Child SAs that the worker knows
  std::map<std::uint64_t, std::pair<std::uint32_t, std::uint32_t>> windows_;  // by SPI
  std::vector<std::pair<ike::Ip4, ike::IkeSpi>> worker_leases_;  // of sessions that resumed
  std::uint64_t serial_ = 0;
  unsigned policy_ = 0;
};

}  // namespace cp
