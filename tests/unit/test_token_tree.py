"""The token tree: one pass over shared prefixes gives what one pass for each sequence gives."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from socratic.policy.token_tree import pack_token_trees
from tests.unit.tiny import tiny_policy

sequences = st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=9).map(tuple), min_size=1, max_size=12)


@given(sequences=sequences, max_nodes=st.integers(1, 40))
def test_every_sequence_stands_once_in_some_tree(sequences: list[tuple[int, ...]], max_nodes: int) -> None:
    trees = pack_token_trees(sequences, max_nodes)
    assert sorted(member for tree in trees for member in tree.members) == list(range(len(sequences)))
    for tree in trees:
        assert len(tree.tokens_N) <= max_nodes or len({sequences[m] for m in tree.members}) == 1
        for member, end in zip(tree.members, tree.ends_S, strict=True):
            seen = np.flatnonzero(tree.visible[end])
            ordered = seen[np.argsort(tree.depths_N[seen])]
            assert tuple(tree.tokens_N[ordered]) == sequences[member]


@given(sequences=sequences)
def test_a_shared_prefix_is_one_node(sequences: list[tuple[int, ...]]) -> None:
    (tree,) = pack_token_trees(sequences, 10_000)
    prefixes = {sequence[:length] for sequence in sequences for length in range(1, len(sequence) + 1)}
    assert len(tree.tokens_N) == len(prefixes)


@settings(max_examples=20)
@given(sequences=sequences, max_nodes=st.integers(5, 60))
def test_logits_equal_the_plain_forward_pass(sequences: list[tuple[int, ...]], max_nodes: int) -> None:
    policy = tiny_policy()
    with torch.no_grad():
        for tree in pack_token_trees(sequences, max_nodes):
            logits_MV = policy.next_token(tree, tree.ends_S)
            for row, member in zip(logits_MV, tree.members, strict=True):
                plain = policy.model(torch.tensor([sequences[member]])).logits[0, -1]
                assert torch.allclose(row.log_softmax(-1), plain.log_softmax(-1), atol=1e-5)
