// A gateway of the plainest kind for tests of the initiator: scalar, one message at a time, written
// with the scalar functions of ike/ and the OpenSSL engine, and able to misbehave on demand.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "crypto/engine.h"
#include "ike/auth_exchange.h"
#include "ike/auth_value.h"
#include "ike/key_schedule.h"
#include "ike/resume.h"
#include "tools/storm/ticket_bag.h"

namespace storm {

using Octets = std::vector<std::uint8_t>;

// A bag of made-up credentials; the ticket begins with the number of its record.
struct BagFixture {
  explicit BagFixture(unsigned clients, const std::vector<ike::Suite>& suites);
  ~BagFixture();
  std::string folder;
  std::unique_ptr<TicketBag> bag;
};

class ScalarResponder {
 public:
  explicit ScalarResponder(const TicketBag& bag);

  // The answer to one message; empty for none.
  Octets answer(crypto::Bytes message);

  ike::AuthForm form = ike::AuthForm::rfc;
  ike::Suite child_suite;
  bool demand_cookies = false;
  bool nack_all = false;
  // Change what is about to be written; null does nothing.
  std::function<void(ike::AuthResponse&)> before_message4;
  bool refuse_auth = false;  // AUTHENTICATION_FAILED alone in message 4

  struct Session {
    Octets message1, message2, message4, dpd_answer;
    Octets nonce_i, nonce_r, keymat, child_keymat;
    Credential credential;
    ike::IkeSpi spi_i, spi_r;
    ike::EspSpi child_spi_i, child_spi_r;
    bool established = false;
    ike::IkeKeys keys() const { return ike::split_ike_keymat(credential.suite, keymat); }
  };
  const std::map<std::uint64_t, Session>& sessions() const { return sessions_; }
  unsigned auth_wrong = 0, established = 0, challenges = 0, fragmentation_announced = 0;

 private:
  Octets answer_resume(crypto::Bytes message);
  Octets answer_auth(crypto::Bytes message, const ike::Header& header);
  Octets answer_dpd(crypto::Bytes message, const ike::Header& header);
  bool open(const Session& s, crypto::Bytes message, const ike::Header& header, Octets& plaintext,
            crypto::Bytes& inner, ike::PayloadType& first);
  Octets seal(const Session& s, ike::Exchange exchange, std::uint32_t message_id,
              const std::function<void(ike::ChainBuilder&)>& write);

  const TicketBag& bag_;
  std::unique_ptr<crypto::Engine> engine_;
  std::map<std::uint64_t, Session> sessions_;  // by SPIi
  std::uint64_t next_spi_ = 0x7700000000000001;
};

}  // namespace storm
