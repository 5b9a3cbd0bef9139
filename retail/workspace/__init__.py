"""What this machine keeps: jobs, runs, recognisers, data sets, uploads, bulk recognition, estimates.

In: the home folder. Out: records of what lies there. Knows no Streamlit.
"""
