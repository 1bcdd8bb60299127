"""The components of the loss, one file each; the loss is their plain sum.

    policy gradient   reinforce, ppo, cispo, gspo      of drawn tokens and their advantages
    imitation         imitation                        of kept replies
    preference        dpo, spin                        of pairs of replies
    regularizers      magnet, entropy                  of whole distributions, or estimated at drawn tokens
    value             value                            of a head beside the policy

Policy gradients and preferences are plugins of the entry point group `socratic.objectives`: whoever swaps one writes a class like
these. All of them are functions of the log-probabilities of drawn tokens; the learner takes their slopes and no component sees a model.
"""
