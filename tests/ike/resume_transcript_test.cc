// Whole resumptions, byte for byte: parse, derive, decrypt, verify AUTH; then write the same
// octets.
#include <gtest/gtest.h>

#include <array>

#include "ike/auth_exchange.h"
#include "ike/auth_value.h"
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

IkeSpi spi_of(const json& c, const char* key) {
  return IkeSpi(crypto::load_be64(hex_at(c, key).data()));
}

Suite suite_of(const json& c) {
  Suite s;
  s.prf = static_cast<PrfId>(c.at("prf_transform_id").get<int>());
  if (c.at("name").get<std::string>().find("aescbc256") != std::string::npos) {
    s.encr = EncrId::aes_cbc;
    s.integ = IntegId::hmac_sha2_256_128;
  }
  return s;
}

// One case of the file with its keys derived from the recorded inputs.
struct Case {
  Case(const json& j, crypto::Engine& e)
      : json_case(j),
        engine(e),
        suite(suite_of(j)),
        ni(hex_at(j, "ni")),
        nr(hex_at(j, "nr")),
        keymat(ike_keymat_len(suite)) {
    derive_resumed_keys(engine, suite, hex_at(j, "sk_d_old"), ni, nr, spi_of(j, "spi_i"),
                        spi_of(j, "spi_r"), keymat);
    keys = split_ike_keymat(suite, keymat);
  }
  Octets at(const char* key) const { return hex_at(json_case, key); }
  std::string hex(const char* key) const { return json_case.at(key).get<std::string>(); }
  std::string auth(AuthForm form, crypto::Bytes sk_p, const char* message, const Octets& nonce,
                   const char* id) const {
    Octets out(prf_len(suite));
    auth_value(engine, prf_of(suite.prf), form, sk_p, at(message), nonce, at(id), out.data());
    return to_hex(out);
  }

  const json& json_case;
  crypto::Engine& engine;
  Suite suite;
  Octets ni, nr, keymat;
  IkeKeys keys;
};

// Runs `check` on every case with every engine.
template <class Check>
void for_each_case(bool only_gcm, Check check) {
  const json file = support::load_vectors("resume-transcripts.json");
  ASSERT_EQ(file.at("cases").size(), 4u);
  for (const auto& engine : engines()) {
    for (const json& j : file.at("cases")) {
      if (only_gcm && !j.contains("ike_auth_request")) continue;
      SCOPED_TRACE(j.at("name").get<std::string>() + " with " + engine->name());
      check(Case(j, *engine));
    }
  }
}

Octets opened(const Case& c, const Octets& message, crypto::Bytes sk_e, crypto::Bytes sk_a,
              SkView& sk) {
  Header h;
  EXPECT_EQ(parse_header(message, h), ParseError::none);
  EXPECT_EQ(find_sk(message, h, c.suite, sk), ParseError::none);
  Octets text(sk.ciphertext.size());
  EXPECT_TRUE(open_sk(c.engine, c.suite, sk_e, sk_a, sk, text.data()));
  return text;
}

crypto::Bytes inner_of(const Octets& text) {
  crypto::Bytes inner;
  EXPECT_EQ(strip_padding(text, inner), ParseError::none);
  return inner;
}

TEST(ResumeTranscript, ReadsMessage1AndItsCookieForm) {
  for_each_case(false, [](const Case& c) {
    PayloadType offending{};
    ResumeRequest r;
    const Octets plain = c.at("resume_request");
    ASSERT_EQ(parse_resume_request(plain, r, offending), ParseError::none);
    EXPECT_EQ(r.spi_i, spi_of(c.json_case, "spi_i"));
    EXPECT_EQ(to_hex(r.nonce), c.hex("ni"));
    EXPECT_EQ(to_hex(r.ticket), c.hex("ticket"));
    EXPECT_FALSE(r.has_cookie);
    EXPECT_TRUE(r.has_nat_detection && r.fragmentation_supported);
    const Octets with_cookie = c.at("resume_request_with_cookie");
    ASSERT_EQ(parse_resume_request(with_cookie, r, offending), ParseError::none);
    EXPECT_TRUE(r.has_cookie);
    ResumeAnswer challenge;
    const Octets answer = c.at("cookie_challenge_response");
    ASSERT_EQ(parse_resume_answer(answer, challenge), ParseError::none);
    EXPECT_EQ(challenge.kind, ResumeAnswerKind::cookie);
    EXPECT_EQ(to_hex(challenge.cookie), to_hex(r.cookie));
  });
}

TEST(ResumeTranscript, DerivesTheKeys) {  // RFC 5723 §5.1, R5723-31
  for_each_case(false, [](const Case& c) {
    EXPECT_EQ(to_hex(c.keymat), c.hex("keymat"));
    EXPECT_EQ(to_hex(c.keys.sk_d), c.hex("sk_d"));
    EXPECT_EQ(to_hex(c.keys.sk_ai), c.hex("sk_ai"));
    EXPECT_EQ(to_hex(c.keys.sk_ar), c.hex("sk_ar"));
    EXPECT_EQ(to_hex(c.keys.sk_ei), c.hex("sk_ei"));
    EXPECT_EQ(to_hex(c.keys.sk_er), c.hex("sk_er"));
    EXPECT_EQ(to_hex(c.keys.sk_pi), c.hex("sk_pi"));
    EXPECT_EQ(to_hex(c.keys.sk_pr), c.hex("sk_pr"));
  });
}

TEST(ResumeTranscript, ComputesAuthInBothForms) {  // RFC 5723 §4.3.3, R5723-32, R5723-33, R5723-124
  for_each_case(false, [](const Case& c) {
    using enum AuthForm;
    EXPECT_EQ(c.auth(rfc, c.keys.sk_pi, "resume_request", c.nr, "id_i_body"), c.hex("auth_i"));
    EXPECT_EQ(c.auth(rfc, c.keys.sk_pr, "resume_response", c.ni, "id_r_body"), c.hex("auth_r"));
    EXPECT_EQ(c.auth(rfc, c.keys.sk_pi, "resume_request_with_cookie", c.nr, "id_i_body"),
              c.hex("auth_i_if_cookie_was_used"));  // R5723-123, R5723-147
    EXPECT_EQ(c.auth(libreswan, c.keys.sk_pi, "resume_request", c.nr, "id_i_body"),
              c.hex("auth_i_libreswan_variant"));
    EXPECT_EQ(c.auth(libreswan, c.keys.sk_pr, "resume_response", c.ni, "id_r_body"),
              c.hex("auth_r_libreswan_variant"));
  });
}

TEST(ResumeTranscript, OpensMessage3AndVerifiesItsAuth) {  // CORE-97
  for_each_case(true, [](const Case& c) {
    const Octets message = c.at("ike_auth_request");
    SkView sk;
    const Octets text = opened(c, message, c.keys.sk_ei, c.keys.sk_ai, sk);
    EXPECT_EQ(to_hex(sk.aad), c.hex("ike_auth_request_aad"));
    EXPECT_EQ(to_hex(text), c.hex("ike_auth_request_plaintext_with_pad"));
    AuthRequest r;
    PayloadType offending{};
    ASSERT_EQ(parse_auth_request(sk.first_inner, inner_of(text), r, offending), ParseError::none);
    EXPECT_EQ(to_hex(r.id_i.body), c.hex("id_i_body"));
    EXPECT_EQ(to_hex(r.id_r.body), c.hex("id_r_body"));
    EXPECT_EQ(to_hex(r.auth.data), c.hex("auth_i"));
    EXPECT_TRUE(r.ticket_request && r.config.has_ip4_wish && r.config.wants_ip4_dns);
    Choice choice;
    ASSERT_TRUE(choose(r.sa, Protocol::esp, default_esp_suites(), choice));
    EXPECT_EQ(to_hex(choice.spi), c.hex("client_esp_spi"));
    EXPECT_EQ(choice.proposal_number, 1);
  });
}

TEST(ResumeTranscript, OpensMessage4AndVerifiesItsAuth) {
  for_each_case(true, [](const Case& c) {
    const Octets message = c.at("ike_auth_response");
    SkView sk;
    const Octets text = opened(c, message, c.keys.sk_er, c.keys.sk_ar, sk);
    EXPECT_EQ(to_hex(sk.aad), c.hex("ike_auth_response_aad"));
    EXPECT_EQ(to_hex(text), c.hex("ike_auth_response_plaintext_with_pad"));
    AuthAnswer a;
    ASSERT_EQ(parse_auth_answer(sk.first_inner, inner_of(text), a), ParseError::none);
    EXPECT_EQ(to_hex(a.id_r.body), c.hex("id_r_body"));
    EXPECT_EQ(to_hex(a.auth.data), c.hex("auth_r"));
    EXPECT_TRUE(a.has_config && a.config.has_ip4 && a.has_sa);
    EXPECT_EQ(a.ticket_lifetime_s, 3600u);
    EXPECT_FALSE(a.ticket.empty());
    EXPECT_EQ(a.error, 0);
  });
}

TEST(ResumeTranscript, OpensTheFragmentedMessage3) {  // R5723-50, RFC 7383 §2.5
  for_each_case(true, [](const Case& c) {
    Octets whole;
    const json& fragments = c.json_case.at("ike_auth_request_as_2_fragments");
    for (std::size_t i = 0; i < fragments.size(); ++i) {
      const Octets message = from_hex(fragments[i].get<std::string>());
      SkView sk;
      const Octets text = opened(c, message, c.keys.sk_ei, c.keys.sk_ai, sk);
      EXPECT_TRUE(sk.fragment);
      EXPECT_EQ(sk.fragment_number, i + 1);
      EXPECT_EQ(sk.fragment_total, 2);
      EXPECT_EQ(sk.first_inner, i == 0 ? PayloadType::id_i : PayloadType::none);
      EXPECT_EQ(to_hex(sk.aad), c.json_case.at("fragment_aads")[i].get<std::string>());
      const crypto::Bytes part = inner_of(text);
      whole.insert(whole.end(), part.begin(), part.end());
    }
    EXPECT_EQ(to_hex(whole) + "00", c.hex("ike_auth_request_plaintext_with_pad"));
  });
}

TEST(ResumeTranscript, OpensTheCbcMessage) {  // CORE-98
  int seen = 0;
  for_each_case(false, [&seen](const Case& c) {
    if (!c.json_case.contains("sample_protected_message")) return;
    ++seen;
    const Octets message = c.at("sample_protected_message");
    SkView sk;
    const Octets text = opened(c, message, c.keys.sk_ei, c.keys.sk_ai, sk);
    EXPECT_EQ(to_hex(text), c.hex("sample_plaintext_with_pad"));
    AuthRequest r;
    PayloadType offending{};
    ASSERT_EQ(parse_auth_request(sk.first_inner, inner_of(text), r, offending), ParseError::none);
    EXPECT_EQ(to_hex(r.auth.data), c.hex("auth_i"));
    Octets again(message.size());
    Header h;
    ASSERT_EQ(parse_header(message, h), ParseError::none);
    SkBuilder builder(again, h, c.suite);
    builder.chain().payload(PayloadType::id_i, r.id_i.body);
    builder.chain().auth(r.auth.method, r.auth.data);
    ASSERT_EQ(builder.finish(sk.iv), message.size());
    seal_sk(c.engine, c.suite, c.keys.sk_ei, c.keys.sk_ai, again);
    EXPECT_EQ(to_hex(again), to_hex(message));
  });
  EXPECT_GT(seen, 0);
}

TEST(ResumeTranscript, DerivesTheChildKeys) {  // RFC 7296 §2.17, R5723-38
  for_each_case(true, [](const Case& c) {
    const Suite child;
    Octets keymat(child_keymat_len(child));
    derive_child_keys(c.engine, c.suite, c.keys.sk_d, c.ni, c.nr, keymat);
    EXPECT_EQ(to_hex(keymat), c.hex("child_keymat"));
    const ChildKeys k = split_child_keymat(child, keymat);
    EXPECT_EQ(to_hex(k.encr_i), c.hex("esp_i_to_r_key") + c.hex("esp_i_to_r_salt"));
    EXPECT_EQ(to_hex(k.encr_r), c.hex("esp_r_to_i_key") + c.hex("esp_r_to_i_salt"));
  });
}

Octets nat_hash(const Case& c, IkeSpi spi_r, const char* ip, const char* port) {
  std::array<std::uint8_t, 4> address{};
  const std::string text = c.hex(ip);
  std::size_t at = 0;
  for (std::uint8_t& octet : address) {
    octet = static_cast<std::uint8_t>(std::stoi(text.substr(at)));
    at = text.find('.', at) + 1;
  }
  std::array<std::uint8_t, 34> input;
  const std::size_t len =
      write_nat_detection_input(spi_of(c.json_case, "spi_i"), spi_r, address,
                                c.json_case.at(port).get<std::uint16_t>(), input.data());
  Octets out(20);
  const crypto::Sha1Lane lane{{input.data(), len}, out.data()};
  c.engine.sha1({&lane, 1});
  return out;
}

TEST(ResumeTranscript, WritesTheClearMessages) {  // R5723-47, R5723-71, R5723-137
  for_each_case(false, [](const Case& c) {
    const IkeSpi spi_i = spi_of(c.json_case, "spi_i");
    const IkeSpi spi_r = spi_of(c.json_case, "spi_r");
    const Octets ticket = c.at("ticket");
    const Octets request_source = nat_hash(c, IkeSpi(), "client_ip", "client_port");
    const Octets request_destination = nat_hash(c, IkeSpi(), "gw_ip", "gw_port");
    const Octets cookie = [&c] {
      const Octets message = c.at("cookie_challenge_response");
      return Octets(message.begin() + kHeaderLen + 8, message.end());
    }();
    Octets buffer(2048);
    const auto hex_of = [&buffer](std::size_t len) {
      return to_hex(crypto::Bytes(buffer).first(len));
    };
    ResumeOffer offer{.spi_i = spi_i,
                      .nonce = c.ni,
                      .ticket = ticket,
                      .cookie = {},
                      .nat_source = request_source,
                      .nat_destination = request_destination,
                      .fragmentation_supported = true};
    EXPECT_EQ(hex_of(write_resume_request(offer, buffer)), c.hex("resume_request"));
    offer.cookie = cookie;
    EXPECT_EQ(hex_of(write_resume_request(offer, buffer)), c.hex("resume_request_with_cookie"));
    const Octets source = nat_hash(c, spi_r, "gw_ip", "gw_port");
    const Octets destination = nat_hash(c, spi_r, "client_ip", "client_port");
    const ResumeResponse response{.spi_i = spi_i,
                                  .spi_r = spi_r,
                                  .nonce = c.nr,
                                  .nat_source = source,
                                  .nat_destination = destination,
                                  .fragmentation_supported = true};
    EXPECT_EQ(hex_of(write_resume_response(response, buffer)), c.hex("resume_response"));
    EXPECT_EQ(hex_of(write_ticket_nack(spi_i, buffer)), c.hex("ticket_nack_response"));
    EXPECT_EQ(hex_of(write_cookie_challenge(spi_i, Exchange::ike_session_resume, cookie, buffer)),
              c.hex("cookie_challenge_response"));
  });
}

TEST(ResumeTranscript, WritesMessage4) {
  for_each_case(true, [](const Case& c) {
    const Octets message = c.at("ike_auth_response");
    SkView sk;
    const Octets text = opened(c, message, c.keys.sk_er, c.keys.sk_ar, sk);
    AuthAnswer a;
    ASSERT_EQ(parse_auth_answer(sk.first_inner, inner_of(text), a), ParseError::none);
    Choice choice;
    ASSERT_TRUE(choose(a.sa, Protocol::esp, default_esp_suites(), choice));
    const std::array<Ip4, 1> dns = {Ip4{192, 0, 2, 53}};
    AuthResponse r;
    r.id_r_body = a.id_r.body;
    r.auth = a.auth.data;
    r.has_config = true;
    r.config = a.config;
    r.config.ip4_dns = dns;
    r.proposal_number = choice.proposal_number;
    r.child_suite = choice.suite;
    r.child_spi = EspSpi(crypto::load_be32(choice.spi.data()));
    r.ts_i = &a.ts_i;
    r.ts_r = &a.ts_r;
    r.ticket = a.ticket;
    r.ticket_lifetime_s = a.ticket_lifetime_s;
    Header h;
    ASSERT_EQ(parse_header(message, h), ParseError::none);
    Octets again(message.size());
    SkBuilder builder(again, h, c.suite);
    write_auth_response(builder.chain(), r);
    ASSERT_EQ(builder.finish(sk.iv), message.size());
    seal_sk(c.engine, c.suite, c.keys.sk_er, c.keys.sk_ar, again);
    EXPECT_EQ(to_hex(again), to_hex(message));
  });
}

TEST(ResumeTranscript, EveryChangedBitOfMessage3IsNoticed) {  // R5723-130
  const json file = support::load_vectors("resume-transcripts.json");
  const auto engine = crypto::make_ossl_engine();
  const Case c(file.at("cases")[0], *engine);
  const Octets good = c.at("ike_auth_request");
  for (std::size_t bit = 0; bit < 8 * good.size(); ++bit) {
    Octets bad = good;
    bad[bit / 8] = static_cast<std::uint8_t>(bad[bit / 8] ^ (1u << (bit % 8)));
    Header h;
    SkView sk;
    if (parse_header(bad, h) != ParseError::none ||
        find_sk(bad, h, c.suite, sk) != ParseError::none)
      continue;
    Octets text(sk.ciphertext.size());
    EXPECT_FALSE(open_sk(*engine, c.suite, c.keys.sk_ei, c.keys.sk_ai, sk, text.data())) << bit;
  }
}

TEST(ResumeTranscript, EveryInputOfAuthCounts) {  // R5723-120
  const json file = support::load_vectors("resume-transcripts.json");
  const auto engine = crypto::make_ossl_engine();
  const Case c(file.at("cases")[0], *engine);
  const std::array<Octets, 4> good = {Octets(c.keys.sk_pi.begin(), c.keys.sk_pi.end()),
                                      c.at("resume_request"), c.nr, c.at("id_i_body")};
  for (std::size_t part = 0; part < good.size(); ++part) {
    for (std::size_t at = 0; at < good[part].size(); ++at) {
      std::array<Octets, 4> bad = good;
      bad[part][at] = static_cast<std::uint8_t>(bad[part][at] ^ 1);
      Octets out(32);
      auth_value(*engine, crypto::Prf::hmac_sha256, AuthForm::rfc, bad[0], bad[1], bad[2], bad[3],
                 out.data());
      EXPECT_NE(to_hex(out), c.hex("auth_i")) << part << " " << at;
    }
  }
}

}  // namespace
}  // namespace ike
