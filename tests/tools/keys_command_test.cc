// resurge-keys as a program: a keyring's life, a minted bag, exit statuses.
#include <gtest/gtest.h>

#include "tests/controlplane/scratch_folder.h"
#include "tests/tools/command.h"
#include "tools/storm/ticket_bag.h"

namespace tools {
namespace {

const std::string kProgram = RESURGE_KEYS;

TEST(KeysCommand, WalksThroughAKeyringsLife) {
  const cp::ScratchFolder folder;
  const std::string ring = folder.file("keyring");
  EXPECT_EQ(run_command(kProgram + " create " + ring).status, 0);
  EXPECT_EQ(run_command(kProgram + " create " + ring).status, 1);
  const Outcome before = run_command(kProgram + " show " + ring);
  EXPECT_EQ(before.status, 0);
  EXPECT_NE(before.output.find("  current   "), std::string::npos) << before.output;
  EXPECT_EQ(run_command(kProgram + " rotate " + ring + " --accept 1h").status, 0);
  const Outcome after = run_command(kProgram + " show " + ring);
  const std::size_t previous = after.output.find("  previous  ");
  ASSERT_NE(previous, std::string::npos) << after.output;
  const std::string id = after.output.substr(previous - 8, 8);
  EXPECT_EQ(run_command(kProgram + " revoke " + ring + " " + id).status, 0);
  EXPECT_EQ(run_command(kProgram + " show " + ring).output.find(id), std::string::npos);
  EXPECT_EQ(run_command(kProgram + " rotate " + ring + " --accept soon").status, 1);
}

TEST(KeysCommand, MintsABagAndInspectsATicket) {
  const cp::ScratchFolder folder;
  const std::string ring = folder.file("keyring");
  const std::string config = folder.write(
      "gw.toml",
      "[outside]\ndevice = 'net_null0'\naddresses = '192.0.2.1'\n[tickets]\nkeyring = '" + ring +
          "'\nstate_dir = '" + folder.file("state") +
          "'\n[pools]\nipv4 = '10.0.0.0/24'\n[connections.a]\n");
  ASSERT_EQ(run_command(kProgram + " create " + ring).status, 0);
  const Outcome minted = run_command(kProgram + " mint --config " + config +
                                     " --clients 100 --out " + folder.file("bag"));
  EXPECT_EQ(minted.status, 0) << minted.output;
  EXPECT_TRUE(minted.output.starts_with("minted 100 tickets into ")) << minted.output;
  const auto bag = storm::TicketBag::open(folder.file("bag"));
  ASSERT_TRUE(bag);
  const auto ticket = bag->at(7).ticket;
  const std::string file = folder.write("ticket", {ticket.begin(), ticket.end()});
  const Outcome seen = run_command(kProgram + " inspect " + file + " --keyring " + ring);
  EXPECT_EQ(seen.status, 0);
  EXPECT_NE(seen.output.find("@client7.example"), std::string::npos) << seen.output;
  EXPECT_EQ(run_command(kProgram + " mint --config " + config + " --clients 1 --lifetime x --out " +
                        folder.file("b"))
                .status,
            1);
}

TEST(KeysCommand, TellsMistakesOnTheCommandLineFromFailures) {
  EXPECT_EQ(run_command(kProgram).status, 2);
  EXPECT_EQ(run_command(kProgram + " shred x").status, 2);
  EXPECT_EQ(run_command(kProgram + " mint --clients 1").status, 2);
  EXPECT_EQ(run_command(kProgram + " show /nonexistent").status, 1);
  EXPECT_EQ(run_command(kProgram + " inspect nothing!").status, 1);
  EXPECT_EQ(run_command(kProgram + " mint --config /nonexistent --clients 1 --out x").status, 1);
  EXPECT_EQ(run_command(kProgram + " --help").status, 0);
}

}  // namespace
}  // namespace tools
