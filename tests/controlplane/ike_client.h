// IkeClient: an initiator that does one thing at a time, for tests of the control plane. It checks
// what it reads and keeps what it negotiated; a test may alter anything in between.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "controlplane/exchange_window.h"
#include "crypto/base/error.h"
#include "crypto/engine.h"
#include "crypto/key_exchange.h"
#include "crypto/random.h"
#include "crypto/signature.h"
#include "ike/create_child.h"
#include "ike/full_auth.h"
#include "ike/header.h"
#include "ike/informational.h"
#include "ike/intermediate.h"
#include "ike/key_schedule.h"
#include "ike/sa_init.h"
#include "ike/sk_fragment.h"

namespace cp {

class IkeClient {
 public:
  explicit IkeClient(std::uint64_t seed = 1);

  // What it offers; change before sa_init().
  std::vector<ike::Suite> suites;
  std::vector<ike::Suite> esp_suites;
  std::string identity = "client@example.org";
  std::string gateway_identity;  // IDr; empty = none
  Octets psk = {'s', 'e', 'c', 'r', 'e', 't'};
  // With a key it signs instead (RFC 7427), and checks our signature with our certificate.
  const crypto::PrivateKey* key = nullptr;
  std::vector<Octets> certs;
  bool asks_eap = false;  // no AUTH in the first IKE_AUTH
  bool fragmentation = true;
  bool mobike = false;
  bool ticket_request = true;
  bool wants_ip4 = true;
  bool childless = false;
  bool initial_contact = false;
  std::optional<ike::Ip4> ip4_wish;
  // IKE_INTERMEDIATE is announced for suites with additional key exchanges, or always.
  bool announces_intermediate = false;
  bool skips_int_auth = false;  // AUTH as if there had been none
  // The gateway is the original initiator: it has rekeyed the IKE SA last (RFC 7296 §2.2).
  bool is_responder = false;
  // What a test does to the payloads of every request before they are protected.
  std::function<void(Octets& inner)> alter_inner;

  // Messages. What is written is also remembered where later steps need it.
  Octets sa_init();
  // False: not the answer that makes an SA; see `sa_init_answer`.
  bool take_sa_init(const Octets& answer);
  ike::SaInitAnswer sa_init_answer;
  // RFC 9242: with the additional key exchange that is owed next, or with nothing, in messages of
  // at most so many octets; and the answer, after which other keys may be in use.
  std::vector<Octets> intermediate(std::size_t message_max = 4096);
  bool take_intermediate(const std::vector<Octets>& answer);
  bool owes_ke() const { return next_ke < ike::AdditionalKes::kMax; }
  std::size_t next_ke = ike::AdditionalKes::kMax;  // of suite.additional
  Octets int_auth_i, int_auth_r;
  Octets auth();
  bool take_auth(const std::vector<Octets>& answer);  // verifies AUTH
  // The answer of an EAP round; AUTH is verified where it stands.
  bool take_eap(const std::vector<Octets>& answer);
  Octets eap_response(const Octets& packet);
  Octets last_auth(crypto::Bytes msk);
  ike::FullAuthAnswer auth_answer;

  // Any protected request with the next Message ID, and the answer's payloads.
  Octets request(ike::Exchange exchange, ike::PayloadType first, const Octets& inner);
  Octets empty_request(ike::Exchange exchange) {
    return request(exchange, ike::PayloadType::none, {});
  }
  // A request of so many octets of unknown payloads, in fragments.
  std::vector<Octets> fragments(ike::Exchange exchange, std::size_t inner_len);
  struct Opened {
    bool ok = false;
    ike::Header header;
    ike::PayloadType first = ike::PayloadType::none;
    Octets inner;
  };
  Opened open(const std::vector<Octets>& messages);
  // An answer to a request of the gateway's.
  Octets answer(const ike::Header& request, ike::PayloadType first, const Octets& inner);
  // The notify of an answer that holds one; 0 = none.
  std::uint16_t error_of(const Opened& opened);

  Octets rekey_child(ike::EspSpi old_in, ike::EspSpi new_in, ike::KeId ke = ike::KeId::none,
                     const ike::AdditionalKes& additional = {});
  Octets rekey_ike(ike::IkeSpi new_spi);
  // RFC 9370 §2.2.4: what the answer to either began, and its key exchanges one by one.
  struct Chain {
    ike::Suite suite;
    std::size_t next_ke = ike::AdditionalKes::kMax;
    Octets link, nonce_i, nonce_r, shared, more;
    ike::IkeSpi spi_r;
  };
  Chain kes;
  bool take_create_child(const Opened& opened, ike::Protocol protocol);
  Octets followup();
  bool take_followup(const Opened& opened);
  Octets child_keymat();    // of the Child SA that the chain made
  void go_on_with_chain();  // ... or under the keys of the IKE SA
  // The IKE SA goes on under the keys of the rekey.
  bool take_rekey_ike(const Opened& opened);
  Octets delete_child(ike::EspSpi ours);
  Octets delete_ike();

  ike::IkeSpi spi_i, spi_r;
  ike::EspSpi child_in{0xc0ffee01}, child_out;
  std::uint32_t message_id = 0;
  ike::Suite suite;
  Octets nonce_i, nonce_r;
  Octets keymat;
  std::uint64_t tx_counter = 0;
  ike::IkeKeys keys() const { return ike::split_ike_keymat(suite, keymat); }
  crypto::Engine& engine() { return *engine_; }

 private:
  // Keys and flag of our direction; the gateway's keys.
  ike::SkSender sender() {
    const ike::IkeKeys k = keys();
    return {*engine_,
            random_,
            suite,
            is_responder ? k.sk_er : k.sk_ei,
            is_responder ? k.sk_ar : k.sk_ai,
            tx_counter};
  }
  ike::SkReceiver receiver() {
    const ike::IkeKeys k = keys();
    return {*engine_, suite, is_responder ? k.sk_ei : k.sk_er, is_responder ? k.sk_ai : k.sk_ar};
  }
  std::uint8_t role() const { return is_responder ? std::uint8_t{0} : ike::kFlagInitiator; }
  // A request in messages of at most so many octets.
  std::vector<Octets> sealed(ike::Exchange exchange, ike::PayloadType first, const Octets& inner,
                             std::size_t message_max);
  Octets proof(const Octets& octets);
  Octets octets_of_us(const Octets& id_body);
  Octets int_auth();
  Octets int_auth_of(const Octets& message, ike::PayloadType first, const Octets& inner,
                     crypto::Bytes sk_p, const Octets& previous);
  bool check_proof(crypto::Bytes secret);
  template <class Write>
  Octets inner_of(ike::PayloadType& first, Write write);

  std::unique_ptr<crypto::Engine> engine_;
  crypto::Random random_;
  std::unique_ptr<crypto::KeyExchange> ke_;
  Octets message1_, message2_, answer_octets_, plaintext_, gateway_id_;
  ike::IkeSpi next_spi_;
  std::uint32_t first_auth_ = 1;
};

template <class Write>
Octets IkeClient::inner_of(ike::PayloadType& first, Write write) {
  Octets inner(8192);
  crypto::ByteWriter writer(inner);
  ike::ChainBuilder chain(writer);
  write(chain);
  CHECK(writer.ok());
  inner.resize(writer.size());
  first = chain.first_type();
  return inner;
}

}  // namespace cp
