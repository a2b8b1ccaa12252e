// Resumptions recorded between two libreswan 5.2: what a foreign implementation really sends.
#include <gtest/gtest.h>

#include <array>

#include "ike/auth_exchange.h"
#include "ike/auth_value.h"
#include "ike/builder.h"
#include "ike/key_schedule.h"
#include "ike/proposal.h"
#include "ike/resume.h"
#include "ike/sk_payload.h"
#include "tests/ike/messages.h"
#include "tests/support/vectors.h"

namespace ike {
namespace {

using nlohmann::json;
using support::hex_at;
using support::text_at;

constexpr std::array kFiles = {
    "libreswan/libreswan-resume-kat.json", "libreswan/libreswan-resume-kat-rw-psk.json",
    "libreswan/libreswan-resume-kat-rw-psk-encap.json",
    "libreswan/libreswan-resume-kat-rw-rsa.json", "libreswan/libreswan-resume-kat-rw-ec.json"};
const Suite kSuite;  // AES-256-GCM and HMAC-SHA-256, as all five recordings

struct Recording {
  Recording(const json& file, crypto::Engine& e)
      : engine(e),
        r(file.at("resumption")),
        ticket(hex_at(file.at("ticket"), "opaque")),
        ni(hex_at(r, "Ni")),
        nr(hex_at(r, "Nr")),
        keymat(ike_keymat_len(kSuite)) {
    derive_resumed_keys(engine, kSuite, hex_at(r, "SK_d_old"), ni, nr, spi("spi_i"), spi("spi_r"),
                        keymat);
    keys = split_ike_keymat(kSuite, keymat);
  }
  IkeSpi spi(const char* key) const { return IkeSpi(crypto::load_be64(hex_at(r, key).data())); }
  Octets message(const char* name) const { return hex_at(r.at(name), "octets"); }

  crypto::Engine& engine;
  const json& r;
  Octets ticket, ni, nr, keymat;
  IkeKeys keys;
};

template <class Check>
void for_each_recording(Check check) {
  for (const char* name : kFiles) {
    const json file = support::load_vectors(name);
    for (const auto& engine : engines()) {
      SCOPED_TRACE(std::string(name) + " with " + engine->name());
      check(Recording(file, *engine));
    }
  }
}

// Opens a recorded IKE_AUTH message and compares its plaintext.
Octets opened(const Recording& rec, const char* name, crypto::Bytes sk_e, const Octets& message,
              SkView& sk) {
  Header h;
  EXPECT_EQ(parse_header(message, h), ParseError::none);
  EXPECT_EQ(find_sk(message, h, kSuite, sk), ParseError::none);
  EXPECT_EQ(to_hex(sk.iv), rec.r.at(name).at("iv").get<std::string>());
  EXPECT_EQ(to_hex(sk.aad), rec.r.at(name).at("aad").get<std::string>());
  Octets text(sk.ciphertext.size());
  EXPECT_TRUE(open_sk(rec.engine, kSuite, sk_e, {}, sk, text.data()));
  crypto::Bytes inner;
  EXPECT_EQ(strip_padding(text, inner), ParseError::none);
  text.resize(inner.size());
  return text;
}

TEST(LibreswanTranscript, ReadsBothClearMessages) {
  for_each_recording([](const Recording& rec) {
    const Octets message1 = rec.message("session_resume_request");
    ResumeRequest request;
    PayloadType offending{};
    ASSERT_EQ(parse_resume_request(message1, request, offending), ParseError::none);
    EXPECT_EQ(request.spi_i, rec.spi("spi_i"));
    EXPECT_EQ(to_hex(request.nonce), to_hex(rec.ni));
    EXPECT_EQ(to_hex(request.ticket), to_hex(rec.ticket));
    EXPECT_FALSE(request.has_cookie || request.has_nat_detection ||
                 request.fragmentation_supported);
    const Octets message2 = rec.message("session_resume_response");
    ResumeAnswer answer;
    ASSERT_EQ(parse_resume_answer(message2, answer), ParseError::none);
    EXPECT_EQ(answer.kind, ResumeAnswerKind::response);
    EXPECT_EQ(answer.spi_r, rec.spi("spi_r"));
    EXPECT_EQ(to_hex(answer.nonce), to_hex(rec.nr));
  });
}

TEST(LibreswanTranscript, WritesBothClearMessages) {
  for_each_recording([](const Recording& rec) {
    Octets buffer(2048);
    const ResumeOffer offer{.spi_i = rec.spi("spi_i"),
                            .nonce = rec.ni,
                            .ticket = rec.ticket,
                            .cookie = {},
                            .nat_source = {},
                            .nat_destination = {}};
    buffer.resize(write_resume_request(offer, buffer));
    EXPECT_EQ(to_hex(buffer), to_hex(rec.message("session_resume_request")));
    buffer.resize(2048);
    const ResumeResponse response{.spi_i = rec.spi("spi_i"),
                                  .spi_r = rec.spi("spi_r"),
                                  .nonce = rec.nr,
                                  .nat_source = {},
                                  .nat_destination = {}};
    buffer.resize(write_resume_response(response, buffer));
    EXPECT_EQ(to_hex(buffer), to_hex(rec.message("session_resume_response")));
  });
}

TEST(LibreswanTranscript, DerivesTheKeysOfItsLog) {  // RFC 5723 §5.1, R5723-31
  for_each_recording([](const Recording& rec) {
    const json& log = rec.r.at("keys_from_log");
    const auto at = [&log](const char* key) { return text_at(log, key); };
    EXPECT_EQ(to_hex(rec.keymat), text_at(rec.r, "prfplus_output"));
    EXPECT_EQ(to_hex(rec.keys.sk_d), at("SK_d"));
    EXPECT_EQ(to_hex(rec.keys.sk_ei), at("SK_ei") + at("SK_ei_salt"));
    EXPECT_EQ(to_hex(rec.keys.sk_er), at("SK_er") + at("SK_er_salt"));
    EXPECT_EQ(to_hex(rec.keys.sk_pi), at("SK_pi"));
    EXPECT_EQ(to_hex(rec.keys.sk_pr), at("SK_pr"));
  });
}

TEST(LibreswanTranscript, ComputesAuthInBothForms) {  // R5723-124
  for_each_recording([](const Recording& rec) {
    const auto value = [&rec](AuthForm form, crypto::Bytes sk_p, const char* message,
                              const Octets& nonce, const char* id) {
      Octets out(32);
      auth_value(rec.engine, crypto::Prf::hmac_sha256, form, sk_p, rec.message(message), nonce,
                 hex_at(rec.r, id), out.data());
      return to_hex(out);
    };
    const json& i = rec.r.at("auth").at("initiator");
    const json& r = rec.r.at("auth").at("responder");
    using enum AuthForm;
    EXPECT_EQ(value(libreswan, rec.keys.sk_pi, "session_resume_request", rec.nr, "idi_body"),
              text_at(i, "value"));
    EXPECT_EQ(value(libreswan, rec.keys.sk_pr, "session_resume_response", rec.ni, "idr_body"),
              text_at(r, "value"));
    EXPECT_EQ(value(rfc, rec.keys.sk_pi, "session_resume_request", rec.nr, "idi_body"),
              text_at(i, "rfc7296_value_would_be"));
    EXPECT_EQ(value(rfc, rec.keys.sk_pr, "session_resume_response", rec.ni, "idr_body"),
              text_at(r, "rfc7296_value_would_be"));
  });
}

TEST(LibreswanTranscript, OpensMessage3) {
  for_each_recording([](const Recording& rec) {
    const Octets message = rec.message("ike_auth_request");
    SkView sk;
    const Octets inner = opened(rec, "ike_auth_request", rec.keys.sk_ei, message, sk);
    AuthRequest r;
    PayloadType offending{};
    ASSERT_EQ(parse_auth_request(sk.first_inner, inner, r, offending), ParseError::none);
    EXPECT_EQ(to_hex(r.id_i.body), text_at(rec.r, "idi_body"));
    EXPECT_EQ(to_hex(r.id_r.body), text_at(rec.r, "idr_body"));
    EXPECT_EQ(r.auth.method, AuthMethod::shared_key);
    EXPECT_EQ(to_hex(r.auth.data), text_at(rec.r.at("auth").at("initiator"), "value"));
    EXPECT_TRUE(r.ticket_request && r.has_ts_i && r.has_ts_r);
    Choice c;
    ASSERT_TRUE(choose(r.sa, Protocol::esp, default_esp_suites(), c));
    EXPECT_EQ(to_hex(c.spi), text_at(rec.r.at("child_sa"), "spi_i"));
    EXPECT_TRUE(c.suite.esn);
  });
}

TEST(LibreswanTranscript, OpensMessage4WithItsTicketInFront) {
  for_each_recording([](const Recording& rec) {
    const Octets message = rec.message("ike_auth_response");
    SkView sk;
    const Octets inner = opened(rec, "ike_auth_response", rec.keys.sk_er, message, sk);
    EXPECT_EQ(sk.first_inner, PayloadType::notify);
    AuthAnswer a;
    ASSERT_EQ(parse_auth_answer(sk.first_inner, inner, a), ParseError::none);
    EXPECT_EQ(to_hex(a.id_r.body), text_at(rec.r, "idr_body"));
    EXPECT_EQ(to_hex(a.auth.data), text_at(rec.r.at("auth").at("responder"), "value"));
    EXPECT_EQ(a.ticket_lifetime_s, 3600u);
    EXPECT_FALSE(a.ticket.empty());
    EXPECT_TRUE(a.has_sa);
  });
}

TEST(LibreswanTranscript, DerivesTheChildKeys) {  // R5723-38
  for_each_recording([](const Recording& rec) {
    Octets keymat(child_keymat_len(kSuite));
    derive_child_keys(rec.engine, kSuite, rec.keys.sk_d, rec.ni, rec.nr, keymat);
    EXPECT_EQ(to_hex(keymat), text_at(rec.r.at("child_sa"), "keymat"));
  });
}

TEST(LibreswanTranscript, WritesBothProtectedMessages) {
  for_each_recording([](const Recording& rec) {
    for (const bool response : {false, true}) {
      const char* name = response ? "ike_auth_response" : "ike_auth_request";
      const crypto::Bytes sk_e = response ? rec.keys.sk_er : rec.keys.sk_ei;
      const Octets message = rec.message(name);
      SkView sk;
      const Octets inner = opened(rec, name, sk_e, message, sk);
      Header h;
      ASSERT_EQ(parse_header(message, h), ParseError::none);
      Octets again(message.size());
      SkBuilder builder(again, h, kSuite);
      PayloadChain chain(sk.first_inner, inner);
      Payload p;
      while (chain.next(p)) builder.chain().payload(p.type, p.body);
      ASSERT_EQ(builder.finish(sk.iv), message.size());
      seal_sk(rec.engine, kSuite, sk_e, {}, again);
      EXPECT_EQ(to_hex(again), to_hex(message));
    }
  });
}

TEST(LibreswanTranscript, ReadsTheFullHandshakesIkeOffers) {
  for (const char* name : kFiles) {
    SCOPED_TRACE(name);
    const json file = support::load_vectors(name);
    const Octets message = hex_at(file.at("original_sa").at("ike_sa_init_request"), "octets");
    Header h;
    ASSERT_EQ(parse_header(message, h), ParseError::none);
    PayloadChain chain(h.next_payload, crypto::Bytes(message).subspan(kHeaderLen));
    Payload p;
    bool has_choice = false;
    while (chain.next(p)) {
      if (p.type != PayloadType::sa) continue;
      ASSERT_EQ(check_sa(p.body), ParseError::none);
      Choice c;
      has_choice = choose(p.body, Protocol::ike, default_ike_suites(), c);
      EXPECT_EQ(c.suite.prf, PrfId::hmac_sha2_256);
    }
    EXPECT_EQ(chain.error(), ParseError::none);
    EXPECT_TRUE(has_choice);
  }
}

}  // namespace
}  // namespace ike
