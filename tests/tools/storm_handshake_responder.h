// A gateway of the plainest kind for tests of connecting clients: full handshakes with a PSK,
// scalar, one message at a time, with the scalar functions of ike/ and the OpenSSL engine, and able
// to misbehave on demand.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "crypto/engine.h"
#include "ike/full_auth.h"
#include "ike/key_schedule.h"
#include "ike/sa_init.h"
#include "tests/tools/storm_responder.h"

namespace storm {

inline const std::string kTestPsk = "a key that both sides know";

class HandshakeResponder {
 public:
  HandshakeResponder();

  // The answer to one message; empty for none.
  Octets answer(crypto::Bytes message);

  std::vector<ike::Suite> ike_suites;  // accepted, best first
  ike::Suite child_suite;
  std::string psk = kTestPsk;
  Octets id_r = {2, 0, 0, 0, 'g', 'w'};
  bool demand_cookies = false;
  bool take_no_cookie = false;         // with demand_cookies: challenges again and again
  bool refuse_proposals = false;       // NO_PROPOSAL_CHOSEN to everybody
  ike::KeId wanted = ike::KeId::none;  // INVALID_KE_PAYLOAD with this group to everybody
  // Change what is about to be written; null does nothing.
  std::function<void(ike::SaInitResponse&, Octets& ke)> before_message2;
  std::function<void(ike::FullAuthResponse&)> before_message4;

  // Tickets begin with the number of the session (32 bits), as those of BagFixture.
  struct Session {
    Octets message1, message2, message4, nonce_i, nonce_r, keymat, child_keymat, id_i;
    ike::Suite suite;
    ike::KeId ke = ike::KeId::none;
    ike::IkeSpi spi_i, spi_r;
    ike::Ip4 ip4;
    bool established = false;
    ike::IkeKeys keys() const { return ike::split_ike_keymat(suite, keymat); }
  };
  const std::map<std::uint64_t, Session>& sessions() const { return sessions_; }
  std::set<Octets> public_values;  // of clients, distinct
  unsigned auth_wrong = 0, established = 0, challenges = 0, nat_detections = 0, cookies_seen = 0;

 private:
  Octets answer_init(crypto::Bytes message, const ike::Header& header);
  Octets answer_auth(crypto::Bytes message, const ike::Header& header);
  Octets auth_of(const Session& s, crypto::Bytes sk_p, crypto::Bytes message, crypto::Bytes nonce,
                 crypto::Bytes id) const;
  Octets seal(const Session& s, const std::function<void(ike::ChainBuilder&)>& write);

  std::unique_ptr<crypto::Engine> engine_;
  std::map<std::uint64_t, Session> sessions_;  // by SPIi
  std::uint64_t next_spi_ = 0x7700000000000001;
};

}  // namespace storm
